import { z } from "zod";
import { int4, int8 } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const LogPositionRow = z.object({
  log_cursor: int8.nullable(),
  log_read_to: int8.nullable(),
  log_overtaken: int4,
});
export type LogPositionRow = z.infer<typeof LogPositionRow>;

/** How far the LMS's log was read for a stream. */
export const logPosition = (sql: Queryable, streamId: number) =>
  sql<LogPositionRow[]>`
    select log_cursor, log_read_to, log_overtaken from lmsmon.streams where stream_id = ${streamId}`;

export const setLogPosition = (
  sql: Queryable,
  streamId: number,
  cursor: string | null,
  readTo: string | null,
  overtaken: number,
) =>
  sql`
    update lmsmon.streams
       set log_cursor = ${cursor}::bigint, log_read_to = ${readTo}::bigint, log_overtaken = ${overtaken}::int
     where stream_id = ${streamId}`;
