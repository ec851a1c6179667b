import { z } from "zod";
import { float8, neverNull } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const WalRow = z.object({ bytes: neverNull(float8) });
export type WalRow = z.infer<typeof WalRow>;

/** How much the next start would have to replay if the process ended now. */
export const walSinceCheckpoint = (sql: Queryable) =>
  sql<WalRow[]>`
    select (pg_current_wal_insert_lsn() - redo_lsn)::float8 as bytes from pg_control_checkpoint()`;

export const writeCheckpoint = (sql: Queryable) => sql`checkpoint`;
