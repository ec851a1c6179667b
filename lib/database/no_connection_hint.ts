/**
 * What to do when a pooler (PgBouncer, by its words) had no connection for this process; `null` where it said something else. `needed`: what
 * one process takes at most.
 */
export function noConnectionHint(said: string, needed: number): string | null {
  if (/query_wait_timeout/.test(said)) {
    return "the pooler before it had no connection of its server free in time: in session mode each process of lmsmon needs " +
      `${needed} for itself (default_pool_size); else it is paused, or others' transactions are long`;
  }
  if (/max_client_conn/.test(said)) {
    return `the pooler before it takes no more clients (max_client_conn): each process of lmsmon needs ${needed}`;
  }
  return null;
}
