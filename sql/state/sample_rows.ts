import { z } from "zod";
import { int8, neverNull } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const SampleRow = z.object({ row_key: neverNull(int8), hash: neverNull(int8) });
export type SampleRow = z.infer<typeof SampleRow>;

/** Known rows of a stream from both ends of its ids, at most 2 × `each`. */
export const sampleRows = (sql: Queryable, streamId: number, recipe: number, each: number) =>
  sql<SampleRow[]>`
    (select row_key, hash from lmsmon.row_states
      where stream_id = ${streamId} and hash is not null and recipe = ${recipe}::int
      order by row_key limit ${each}::int)
    union
    (select row_key, hash from lmsmon.row_states
      where stream_id = ${streamId} and hash is not null and recipe = ${recipe}::int
      order by row_key desc limit ${each}::int)`;
