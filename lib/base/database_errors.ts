/** Codes by which drivers and servers say that a connection is lost, or cannot be had; SQLSTATE, `ER_…`, or the system's. */
const CONNECTION_LOST =
  /^(CONNECTION_|CONNECT_TIMEOUT|ECONN|ENOTFOUND|EAI_|EHOST|ENET|ETIMEDOUT|EPIPE|ENOENT|PROTOCOL_|POOL_CLOSED|08|25P0[34]|57P0|53300|ER_CON_COUNT_ERROR|ER_SERVER_SHUTDOWN|ER_NORMAL_SHUTDOWN|ER_CONNECTION_KILLED)/;
/** Those of a connection that was there and ended. */
const CONNECTION_CUT = /^(CONNECTION_CLOSED|CONNECTION_DESTROYED|ECONNRESET|EPIPE|PROTOCOL_CONNECTION_LOST)/;

/** Numbers of MariaDB and MySQL for which the driver (mysql2 3.24.6) knows no name. */
const BY_NUMBER: Readonly<Record<number, string>> = {
  1927: "ER_CONNECTION_KILLED",
  1969: "ER_STATEMENT_TIMEOUT",
  3024: "ER_QUERY_TIMEOUT",
};

/** Names that the driver gives numbers of MariaDB that are another error's on MySQL, which no client of ours can meet. */
const MISNAMED: Readonly<Record<string, string>> = {
  ER_BULK_PARSER_INCOMPLETE_ESCAPE_SEQUENCE: "ER_ACCOUNT_HAS_BEEN_LOCKED", // 4151
};

/**
 * What a database driver calls an error: SQLSTATE, the driver's own code (`CONNECTION_CLOSED`, `ER_…`) or the system's
 * (`ECONNREFUSED`); `null` for anything that is no error of a database.
 */
export function errorCode(error: unknown): string | null {
  if (typeof error !== "object" || error === null) return null;
  if ("code" in error && typeof error.code === "string" && error.code !== "") return MISNAMED[error.code] ?? error.code;
  if (error instanceof AggregateError) return errorCode(error.errors[0]);
  if ("errno" in error && typeof error.errno === "number") return BY_NUMBER[error.errno] ?? `errno ${error.errno}`;
  return null;
}

/** Whether a statement failed because its connection did: asking again later may work, and what it did is unknown. */
export function isConnectionLost(error: unknown): boolean {
  return CONNECTION_LOST.test(errorCode(error) ?? "");
}

/** The other side was there and went away, as opposed to one that is not there or says nothing. */
export function isConnectionCut(error: unknown): boolean {
  return CONNECTION_CUT.test(errorCode(error) ?? "");
}
