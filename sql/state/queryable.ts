import type postgres from "postgres";

/** A connection, a pool or a transaction of postgres.js: what a query needs. */
// deno-lint-ignore ban-types
export type Queryable = postgres.ISql<{}>;
