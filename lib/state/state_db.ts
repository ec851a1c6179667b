import type postgres from "postgres";

/** Parameters that the driver takes besides strings, numbers, booleans, null and arrays of them; see driver_types.ts. */
export interface DriverTypes extends Record<string, unknown> {
  instant: Temporal.Instant;
  plainDate: Temporal.PlainDate;
}

/** The pool: queries outside a transaction, and `sql.begin`. */
export type Sql = postgres.Sql<DriverTypes>;

/** What `sql.begin` hands over. */
export type Transaction = postgres.TransactionSql<DriverTypes>;

/** Either of them: what a query needs that does not care. */
export type Queryable = postgres.ISql<DriverTypes>;

/**
 * `server`: a PostgreSQL server. `embedded`: PGlite in this process, which owns its directory. `via_owner`: another
 * process owns the directory and this one works through its socket; when that process ends, the next query makes this
 * one the owner, so `mode` can change while the database is open.
 */
export type StateMode = "server" | "embedded" | "via_owner";

/**
 * The state database, open and migrated.
 *
 * Rules for those who write queries, the same SQL for all modes:
 * - Names are always qualified (`lmsmon.…`); nothing relies on `search_path`, `SET`, temp tables, session locks or LISTEN:
 *   embedded connections share one session.
 * - Inside `sql.begin(async (tx) => …)` use `tx` only. Embedded, a transaction keeps everybody else waiting, so a query
 *   through `sql` in there waits for itself for ever; and nothing slow (network, files) belongs in there.
 * - Arrays are cast: `unnest(${ids}::bigint[], ${names}::text[], ${times}::timestamptz[])` with ids as decimal text,
 *   times as `Temporal.Instant`, EpochMicros or ISO text, nulls anywhere. Reading an array with a NULL in it gives the text
 *   "NULL" there (the driver does not tell them apart): do not select such arrays. Arrays of booleans need `::int[]` and 0/1 (the driver
 *   types a bare boolean array by its first element), jsonb in bulk goes as `${texts}::text[]` cast to jsonb in SQL.
 * - `count(*)` and every bigint arrive as decimal text; cast to int where a number is meant.
 * - A lost connection rejects the queries in flight with `code` `CONNECTION_…`; the next query connects again.
 */
export interface StateDb extends AsyncDisposable {
  readonly sql: Sql;
  readonly mode: StateMode;
  /** Whether COPY works: `server` only. */
  readonly copy: boolean;
  /**
   * Rises whenever an established connection was lost. What was committed over it may be unknown to whoever answers next: a
   * standby that took over asynchronously, a restored backup.
   */
  readonly losses: number;
  /** A host beyond this machine that the last connection reached without TLS; else `null`. */
  plaintextHost(): string | null;
  /** Idempotent. Waits for queries in flight, at most some seconds. */
  close(): Promise<void>;
}
