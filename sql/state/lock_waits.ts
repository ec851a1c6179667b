import { z } from "zod";
import { int4, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

/** `waiter` names one wait of one session. `pid` 0: a prepared transaction. */
export const LockWaitRow = z.object({
  waiter: neverNull(text),
  pid: neverNull(int4),
  application: neverNull(text),
  role: neverNull(text),
});
export type LockWaitRow = z.infer<typeof LockWaitRow>;

/**
 * Sessions of this role in this database that wait for a lock, and who holds it. A holder that waits for a lock itself is left out:
 * of a chain, the one at its end is who keeps all of them waiting.
 */
export const lockWaits = (sql: Queryable) =>
  sql<LockWaitRow[]>`
    select concat(w.pid, ' ', w.query_start) as waiter, x.pid, coalesce(b.application_name, '') as application,
           coalesce(b.usename::text, '') as role
      from pg_stat_activity w
     cross join lateral unnest(pg_blocking_pids(w.pid)) as x (pid)
      left join pg_stat_activity b on b.pid = x.pid
     where w.datname = current_database() and w.usename = current_user and w.wait_event_type = 'Lock'
       and b.wait_event_type is distinct from 'Lock'
     order by x.pid`;
