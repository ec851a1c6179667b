import { z } from "zod";
import { bool, int4, int8, neverNull } from "./columns.ts";
import { ERASURES_LOCK } from "./erasures.ts";
import { EVENT_ORDER_LOCK } from "./leases.ts";
import type { Queryable } from "./queryable.ts";

const LOCKS = [EVENT_ORDER_LOCK, ERASURES_LOCK];

/** `copied`: bytes that a COPY has taken in so far; null of every other statement. */
export const StuckWriterRow = z.object({ pid: neverNull(int4), copied: int8.nullable() });
export type StuckWriterRow = z.infer<typeof StuckWriterRow>;

/**
 * This role's sessions in which a statement has waited for the rest of what its process wanted to say for over `waitedMs`, while
 * they have a lease's row, the order of events or the lock of erasures, or keep somebody waiting for any other row that they wrote or
 * locked: a poll may wait for a recipient that is just being given back. Whoever is alive sends the rest within milliseconds, but for
 * a COPY, which waits for its next lines. No time limit of the server counts in that state before PostgreSQL 17: to the server the
 * statement is running. What only reads keeps nobody waiting so: an export whose reader is slow goes on.
 */
export const stuckWriters = (sql: Queryable, waitedMs: number) =>
  sql<StuckWriterRow[]>`
    select a.pid, c.bytes_processed as copied
    from pg_stat_activity a
    left join pg_stat_progress_copy c on c.pid = a.pid
    where a.datname = current_database() and a.usename = current_user and a.pid <> pg_backend_pid()
      and a.state <> 'idle' and a.wait_event_type = 'Client'
      and a.state_change < clock_timestamp() - ${waitedMs}::double precision * interval '1 millisecond'
      and (exists (
        select from pg_locks l
        where l.pid = a.pid and l.granted
          and (l.locktype = 'advisory' and l.objsubid = 1
              and l.classid::bigint << 32 | l.objid::bigint = any (${LOCKS}::bigint[])
            or l.locktype = 'relation' and l.relation = 'lmsmon.leases'::regclass and l.mode = 'RowExclusiveLock'))
        or exists (
          select from pg_locks w
          where not w.granted and w.locktype in ('transactionid', 'tuple') and a.pid = any (pg_blocking_pids(w.pid))))`;

export const EndedRow = z.object({ ended: neverNull(bool) });
export type EndedRow = z.infer<typeof EndedRow>;

/**
 * Ends those of these sessions that still wait for their process, as long as that. Behind a pooler that shares sessions it may have
 * gone on meanwhile, and left its session to another one, which has just begun a transaction.
 */
export const endWaiting = (sql: Queryable, pids: readonly number[], waitedMs: number) =>
  sql<EndedRow[]>`
    select pg_terminate_backend(a.pid) as ended
    from pg_stat_activity a
    where a.pid = any (${pids}::int[]) and a.state <> 'idle' and a.wait_event_type = 'Client'
      and a.state_change < clock_timestamp() - ${waitedMs}::double precision * interval '1 millisecond'`;
