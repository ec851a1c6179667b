import { z } from "zod";
import { bool, int8, neverNull, text, timestamptz } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const LeaseTokenRow = z.object({ token: int8 });
export type LeaseTokenRow = z.infer<typeof LeaseTokenRow>;

/** No lease lives shorter, milliseconds. */
export const SHORTEST_LIFE_MS = 1_500;

/**
 * Takes the lease when it is free, expired, the holder's own, or held by `takeOverFrom`; no row when somebody else has it.
 * clock_timestamp(), not now(): the statement may have waited for the row.
 */
export const takeLease = (
  sql: Queryable,
  lease: { source: string; holder: string; ttlMs: number; takeOverFrom: string | null },
) =>
  sql<LeaseTokenRow[]>`
    insert into lmsmon.leases as held (source, holder, token, acquired_at, renewed_at, expires_at)
    values (${lease.source}, ${lease.holder}, 1, clock_timestamp(), clock_timestamp(),
      clock_timestamp() + ${lease.ttlMs}::double precision * interval '1 millisecond')
    on conflict (source) do update
      set holder = excluded.holder, token = held.token + 1, acquired_at = clock_timestamp(), renewed_at = clock_timestamp(),
        expires_at = clock_timestamp() + ${lease.ttlMs}::double precision * interval '1 millisecond'
      where held.expires_at <= clock_timestamp() or held.holder = excluded.holder
        or held.holder = ${lease.takeOverFrom}::text
    returning token`;

export const SettingRow = z.object({ set_config: neverNull(text) });
export type SettingRow = z.infer<typeof SettingRow>;

/** Never wait long for a row that a stuck process has locked. */
export const setLockTimeout = (sql: Queryable, ms: number) =>
  sql<SettingRow[]>`select set_config('lock_timeout', ${String(ms)}, true)`;

export const LeaseRow = z.object({ holder: text, token: int8, expires_at: timestamptz, expired: neverNull(bool) });
export type LeaseRow = z.infer<typeof LeaseRow>;

export const readLease = (sql: Queryable, source: string) =>
  sql<LeaseRow[]>`
    select holder, token, expires_at, expires_at <= clock_timestamp() as expired
    from lmsmon.leases where source = ${source}`;

export const extendLease = (sql: Queryable, lease: { source: string; token: string }, ttlMs: number) =>
  sql<LeaseTokenRow[]>`
    update lmsmon.leases
       set renewed_at = clock_timestamp(),
           expires_at = clock_timestamp() + ${ttlMs}::double precision * interval '1 millisecond'
     where source = ${lease.source} and token = ${lease.token}::bigint
    returning token`;

/** Ends the lease now. The row stays, so that the token goes on rising. */
export const endLease = (sql: Queryable, lease: { source: string; token: string }) =>
  sql`
    update lmsmon.leases set expires_at = clock_timestamp()
     where source = ${lease.source} and token = ${lease.token}::bigint and expires_at > clock_timestamp()`;

export const LockedLeaseRow = z.object({ token: int8, idle: neverNull(text) });
export type LockedLeaseRow = z.infer<typeof LockedLeaseRow>;

/**
 * The fence: the lease row stays locked until the transaction ends, so nobody takes over in between; no row when somebody
 * did. A writer that is alive renews its lease by writing. A process that is stopped inside the transaction must not keep
 * the row beyond its lease, or nobody could take over: the server ends a session that was idle for a lease's life.
 */
export const lockLease = (sql: Queryable, lease: { source: string; token: string }) =>
  sql<LockedLeaseRow[]>`
    update lmsmon.leases
       set expires_at = greatest(expires_at, clock_timestamp() + (expires_at - renewed_at)), renewed_at = clock_timestamp()
     where source = ${lease.source} and token = ${lease.token}::bigint
    returning token, set_config('idle_in_transaction_session_timeout',
      greatest(extract(epoch from expires_at - renewed_at) * 1000, ${SHORTEST_LIFE_MS}::int)::bigint::text, true) as idle`;

export const EVENT_ORDER_LOCK = "5127034610871";

/** One writer of events at a time over all sources: makes the order of event_id the order of commits. */
export const lockEventOrder = (sql: Queryable) => sql`select pg_advisory_xact_lock(${EVENT_ORDER_LOCK}::bigint)`;
