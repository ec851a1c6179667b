/*
 * Fault: The driver asks each new connection for its array types in a promise that nobody awaits: a connection that is
 *   lost just then ends the process.
 * Seen in: postgres.js 3.4.9.
 * Upstream: porsager/postgres#1192, #1205 and #1223.
 * Delete when: a connection that is terminated while it starts leaves no unhandled rejection.
 */

/**
 * Whether an unhandled rejection is one that only the driver could have handled. Whoever waits for the connection hears of
 * the loss anyway.
 */
export function isStrayRejection(reason: unknown): boolean {
  return reason instanceof Error && "query" in reason && typeof reason.query === "string" &&
    reason.query.includes("pg_catalog.pg_type") && reason.query.includes("typarray");
}
