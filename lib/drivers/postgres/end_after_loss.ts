/*
 * Fault: `sql.end()` waits for the query in flight of a connection that was lost, which never ends.
 * Seen in: postgres.js 3.4.9.
 * Upstream: porsager/postgres#1097 and #1130; #1142 is a change that would mend it.
 * Delete when: `sql.end()` resolves after the server was killed in the middle of a query.
 */

import type postgres from "postgres";

// deno-lint-ignore no-explicit-any -- of any set of driver types; queries are handed through as they are
type AnySql = postgres.Sql<any>;

/** How long closing waits for queries in flight once a connection was lost, seconds. */
const AFTER_LOSS_S = 1;

/** Makes `sql.end` wait no longer than a second when `wasLost` says that a connection of the pool closed before. */
export function endAfterLoss<S extends AnySql>(sql: S, wasLost: () => boolean): S {
  const end = sql.end.bind(sql);
  const endSoon: typeof end = ({ timeout } = {}) =>
    wasLost()
      ? end({ timeout: Math.min(AFTER_LOSS_S, timeout ?? AFTER_LOSS_S) })
      : end(timeout === undefined ? {} : { timeout });
  return Object.assign(sql, { end: endSoon });
}
