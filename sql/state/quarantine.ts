import type { Queryable } from "./queryable.ts";

/** `keys` and `reasons` are array literals. */
export const quarantineRows = (sql: Queryable, streamId: number, keys: string, reasons: string) =>
  sql`
    insert into lmsmon.quarantine as old (stream_id, row_key, reason, first_seen, last_seen)
    select ${streamId}::smallint, u.key, u.reason, clock_timestamp(), clock_timestamp()
      from unnest(${keys}::bigint[], ${reasons}::text[]) as u (key, reason)
    on conflict (stream_id, row_key) do update
      set reason = excluded.reason, last_seen = excluded.last_seen, tries = old.tries + 1`;

export const liftQuarantine = (sql: Queryable, streamId: number, keys: string) =>
  sql`delete from lmsmon.quarantine where stream_id = ${streamId} and row_key = any(${keys}::bigint[])`;

export const anyQuarantine = (sql: Queryable, streamId: number) =>
  sql<{ any: boolean }[]>`select exists (select 1 from lmsmon.quarantine where stream_id = ${streamId}) as any`;

export const quarantinedRows = (sql: Queryable, streamId: number, after: string | null, limit: number) =>
  sql<{ row_key: string; reason: string; tries: number; first_seen: Temporal.Instant; last_seen: Temporal.Instant }[]>`
    select row_key, reason, tries, first_seen, last_seen from lmsmon.quarantine
     where stream_id = ${streamId} and row_key > coalesce(${after}::bigint, -9223372036854775808)
     order by row_key limit ${limit}::int`;
