import { z } from "zod";
import { bool, int4, int8, neverNull, text, timestamptz } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

/**
 * When a row was met: always after the pass that ended last, whatever the clock says. It may stand still for a millisecond (the
 * embedded engine's does) or be set back, and {@link forgetGone} compares the two.
 */
const metNow = (sql: Queryable, streamId: number) =>
  sql`(
    select greatest(clock_timestamp(), last_full_pass_at + interval '1 microsecond')
      from lmsmon.streams where stream_id = ${streamId}::smallint)`;

/** `keys` and `reasons` are array literals. */
export const quarantineRows = (sql: Queryable, streamId: number, keys: string, reasons: string) =>
  sql`
    insert into lmsmon.quarantine as old (stream_id, row_key, reason, first_seen, last_seen)
    select ${streamId}::smallint, u.key, u.reason, clock_timestamp(), ${metNow(sql, streamId)}
      from unnest(${keys}::bigint[], ${reasons}::text[]) as u (key, reason)
    on conflict (stream_id, row_key) do update
      set reason = excluded.reason, last_seen = excluded.last_seen, tries = old.tries + 1`;

export const liftQuarantine = (sql: Queryable, streamId: number, keys: string) =>
  sql`delete from lmsmon.quarantine where stream_id = ${streamId} and row_key = any(${keys}::bigint[])`;

/**
 * Forgets rows that the full pass which just ended did not meet again, before it is stamped: they are gone from the LMS. An open row is
 * written once and read every poll; what the state database refused is written in every pass.
 */
export const forgetGone = (sql: Queryable, streamId: number) =>
  sql`
    delete from lmsmon.quarantine q using lmsmon.streams s
     where s.stream_id = ${streamId} and q.stream_id = s.stream_id and q.last_seen <= s.last_full_pass_at
       and not exists (
         select 1 from lmsmon.row_states r where r.stream_id = q.stream_id and r.row_key = q.row_key and r.is_open)`;

/** Rows whose key no row_key can hold; `keys` and `reasons` are array literals. */
export const quarantineKeys = (sql: Queryable, streamId: number, keys: string, reasons: string) =>
  sql`
    insert into lmsmon.quarantined_keys as old (stream_id, row_key, reason, first_seen, last_seen)
    select ${streamId}::smallint, u.key, u.reason, clock_timestamp(), ${metNow(sql, streamId)}
      from unnest(${keys}::text[], ${reasons}::text[]) as u (key, reason)
    on conflict (stream_id, row_key) do update
      set reason = excluded.reason, last_seen = excluded.last_seen, tries = old.tries + 1`;

/** Such rows are met by every poll while they are there: see {@link forgetGone}. */
export const forgetGoneKeys = (sql: Queryable, streamId: number) =>
  sql`
    delete from lmsmon.quarantined_keys q using lmsmon.streams s
     where s.stream_id = ${streamId} and q.stream_id = s.stream_id and q.last_seen <= s.last_full_pass_at`;

export const AnyQuarantineRow = z.object({ any: neverNull(bool) });
export type AnyQuarantineRow = z.infer<typeof AnyQuarantineRow>;

export const anyQuarantine = (sql: Queryable, streamId: number) =>
  sql<AnyQuarantineRow[]>`select exists (select 1 from lmsmon.quarantine where stream_id = ${streamId}) as any`;

export const QuarantinedRow = z.object({
  row_key: int8,
  reason: text,
  tries: int4,
  first_seen: timestamptz,
  last_seen: timestamptz,
});
export type QuarantinedRow = z.infer<typeof QuarantinedRow>;

export const quarantinedRows = (sql: Queryable, streamId: number, after: string | null, limit: number) =>
  sql<QuarantinedRow[]>`
    select row_key, reason, tries, first_seen, last_seen from lmsmon.quarantine
     where stream_id = ${streamId} and row_key > coalesce(${after}::bigint, -9223372036854775808)
     order by row_key limit ${limit}::int`;
