import { errorCode, isConnectionLost } from "../base/database_errors.ts";
import { LmsError, LmsmonError } from "../base/errors.ts";
import { noConnectionHint } from "../database/no_connection_hint.ts";
import { STATEMENT_POOLING, statementPoolingHint } from "../database/statement_pooling.ts";
import { certificateHint, plaintextHint } from "../database/tls_hint.ts";

/** What an error's remedy depends on. */
export interface LmsTarget {
  readonly dialect: "postgres" | "mysql";
  /** `host:port/database`. */
  readonly label: string;
  readonly user: string;
}

/** Of no use as an address, though no connection was lost. */
const WRONG_PLACE = new Set(["3D000", "55000", "ER_BAD_DB_ERROR", "HANDSHAKE_NO_SSL_SUPPORT"]);
/** The user, not the server, has no connection or no question left. */
const USED_UP = new Set(["ER_USER_LIMIT_REACHED", "ER_TOO_MANY_USER_CONNECTIONS"]);
const REFUSED = new Set([
  ...["28P01", "28000", "ER_ACCESS_DENIED_ERROR", "ER_DBACCESS_DENIED_ERROR", "ER_HOST_NOT_PRIVILEGED"],
  ...["ER_ACCESS_DENIED_NO_PASSWORD_ERROR", "ER_MUST_CHANGE_PASSWORD_LOGIN", "ER_MUST_CHANGE_PASSWORD"],
  "ER_ACCOUNT_HAS_BEEN_LOCKED",
  ...["AUTH_TYPE_NOT_IMPLEMENTED", "SASL_SIGNATURE_MISMATCH", "AUTH_SWITCH_PLUGIN_ERROR"],
]);
const SCHEMA = new Set([
  ...["42P01", "42703", "42501", "3F000", "42883", "ER_NO_SUCH_TABLE", "ER_BAD_FIELD_ERROR"],
  ...["ER_TABLEACCESS_DENIED_ERROR", "ER_COLUMNACCESS_DENIED_ERROR"],
]);
/** READ ONLY has stopped what would write or lock. */
const WRITES = new Set(["25006", "ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION"]);
/** Most of the statement's time went by while another session held a lock on what it reads. */
const LOCKED = new Set(["55P03", "ER_LOCK_WAIT_TIMEOUT"]);
const TIMEOUT = new Set(["57014", "ER_STATEMENT_TIMEOUT", "ER_QUERY_TIMEOUT", "ER_QUERY_INTERRUPTED", ...LOCKED]);
/** A pooled connection that had died unnoticed: a fresh one is worth one more try. */
const STALE = new Set([
  ...["CONNECTION_CLOSED", "CONNECTION_DESTROYED", "ECONNRESET", "EPIPE", "PROTOCOL_CONNECTION_LOST", "57P01", "57P02"],
  ...["ER_CONNECTION_KILLED", "ER_SERVER_SHUTDOWN", "ER_CLIENT_INTERACTION_TIMEOUT", "25P03"],
]);

/** A standby ended the read because it had to replay what conflicts with it: the next snapshot is past that. */
export function isConflict(error: unknown): boolean {
  return errorCode(error) === "40001";
}

export function isStaleConnection(error: unknown): boolean {
  return STALE.has(errorCode(error) ?? "");
}

/** Whether the connection is of no use any more, or never was. */
export function isConnectionError(error: unknown): boolean {
  const code = errorCode(error) ?? "";
  return isUnreachable(error) || STALE.has(code) || REFUSED.has(code);
}

function isUnreachable(error: unknown): boolean {
  const code = errorCode(error) ?? "";
  return isConnectionLost(error) || WRONG_PLACE.has(code) || USED_UP.has(code) || /^E[A-Z]+$/.test(code);
}

/** Whether the connection itself survived: the server answered with an error of the statement. */
export function isStatementError(error: unknown): boolean {
  const code = errorCode(error) ?? "";
  return SCHEMA.has(code) || TIMEOUT.has(code);
}

/** An error of a driver as an LmsError with reason and remedy. Errors that are no database's come back as they are. */
export function lmsError(error: unknown, target: LmsTarget): unknown {
  if (error instanceof LmsmonError) return error;
  const raw = errorCode(error);
  const tlsFault = raw === null && error instanceof Error &&
    /certificate|\btls\b|\bssl\b|UnknownIssuer/i.test(error.message);
  const code = raw ?? (tlsFault ? "TLS" : null);
  if (code === null) return error;
  const detail = error instanceof Error ? firstLine(error) : String(error);
  const at = `the LMS database at ${target.label}`;
  if (REFUSED.has(code) || /insecure transport|unknown plugin/i.test(detail)) {
    return new LmsError("refused", `Cannot log in to ${at} as "${target.user}": ${detail}`, {
      cause: error,
      hint: loginHint(code, detail, target),
    });
  }
  if (SCHEMA.has(code)) return schemaError(error, code, detail, target);
  if (TIMEOUT.has(code)) {
    return new LmsError("timeout", `Cannot read ${at}: ${detail}`, {
      cause: error,
      hint: LOCKED.has(code)
        ? LOCKED_HINT
        : "The server ended the statement; raise lms.statement_timeout if it is just slow",
    });
  }
  if (WRITES.has(code)) {
    return new LmsError("failed", `Cannot read ${at}: ${detail} (${code})`, {
      cause: error,
      hint:
        "lmsmon only reads: take out of the query what writes or locks, such as a function, a sequence or `for update`",
    });
  }
  if (isUnreachable(error)) {
    return new LmsError("unreachable", `Cannot reach ${at}: ${detail}`, {
      cause: error,
      hint: unreachableHint(code, detail, target),
    });
  }
  if (/^(TLS|HANDSHAKE_SSL_ERROR|CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test(code)) {
    return new LmsError("unreachable", `Cannot trust ${at}: ${detail}`, {
      cause: error,
      hint: certificateHint(detail) ??
        "Name the server's certificate authority with ?sslrootcert=FILE, or choose another ?sslmode=",
    });
  }
  if (isAboutData(code)) {
    // What the server quotes is a student's data, so neither that nor the server's own error goes any further.
    return new LmsError("failed", `Cannot read ${at}: ${detail.replace(/(["'`]).*\1/s, "$1…$1")} (${code})`, {
      hint:
        "A value in the LMS cannot be converted as a query asks: convert only what has the form, or select the text",
    });
  }
  return new LmsError("failed", `Cannot read ${at}: ${detail} (${code})`, { cause: error });
}

const LOCKED_HINT =
  "The statement waited for a lock on a table of the LMS: somebody changes or restores it, or left a transaction open; " +
  "let them end, and raise lms.statement_timeout only where such locks are short";

/** Errors that a value in a table makes, not a statement as such. */
const isAboutData = (code: string) =>
  /^22/.test(code) || /WRONG_VALUE|OUT_OF_RANGE|TRUNCATED|ER_WRONG_STRING/.test(code);

/** Throws the same error, saying which query ended so: an LMS has several. */
export const ofQuery = (kind: string) => (error: unknown): never => {
  if (!(error instanceof LmsError) || (error.reason !== "timeout" && error.reason !== "failed")) throw error;
  const hint = error.reason === "timeout" && error.hint !== LOCKED_HINT
    ? `${error.hint ?? ""}; \`lmsmon preset check\` says how it is read`
    : error.hint;
  throw new LmsError(error.reason, `${error.message}, by query ${kind}`, {
    cause: error.cause,
    ...(hint === undefined ? {} : { hint }),
  });
};

/** A pooler stands before the LMS that gives each statement another connection. */
export function poolerError({ label }: LmsTarget, cause: unknown): LmsError {
  return new LmsError("refused", `Cannot use the LMS database at ${label}: ${STATEMENT_POOLING}`, {
    cause,
    hint: statementPoolingHint("lms.url"),
  });
}

/** The server was silent beyond its own statement timeout: the connection is taken for dead. */
export function silentError(target: LmsTarget, waitedMs: number): LmsError {
  return new LmsError(
    "unreachable",
    `Cannot reach the LMS database at ${target.label}: no answer for ${Math.round(waitedMs / 1000)} s`,
    {
      hint:
        "The connection was dropped, or a pooler in session mode has no two connections free for lmsmon; check the network, a " +
        "firewall that forgets idle connections, or the server",
    },
  );
}

function schemaError(error: unknown, code: string, detail: string, target: LmsTarget): LmsError {
  const denied = ["42501", "ER_TABLEACCESS_DENIED_ERROR", "ER_COLUMNACCESS_DENIED_ERROR"].includes(code);
  if (!denied) {
    return new LmsError("schema", `Cannot read ${`the LMS database at ${target.label}`}: ${detail}`, {
      cause: error,
      hint: "The LMS's tables do not look like lms.preset says; check lms.url (database, ?schema=) and lms.preset",
    });
  }
  // PostgreSQL: for table attempts; MariaDB: for table `lms`.`attempts`; MySQL: for table 'attempts'
  const table = /(?:table|relation|view) (?:`[^`]+`\.)?["'`]?([^"'`\s]+)["'`]?/i.exec(detail)?.[1] ?? null;
  return new LmsError(
    "schema",
    table === null ? `Cannot read the LMS database: ${detail}` : `Cannot read table "${table}": permission denied`,
    { cause: error, hint: grantHint(target, table === null ? [] : [table]) },
  );
}

/** `grant select on "attempts" to "lms_readonly"`, in the dialect's quotes. */
export function grantHint(target: LmsTarget, tables: readonly string[]): string {
  if (target.dialect === "postgres") {
    const what = tables.length === 0 ? "all tables in schema public" : tables.map((t) => `"${t}"`).join(", ");
    return `Run as the owner: grant select on ${what} to "${target.user}"`;
  }
  const list = tables.length === 0 ? ["*"] : tables.map((t) => `\`${t}\``);
  return `Run as the owner: ${list.map((t) => `grant select on ${t} to '${target.user}'@'%'`).join("; ")}`;
}

/** A login that the server refused for another reason than a wrong password wants another remedy. */
function loginHint(code: string, detail: string, target: LmsTarget): string {
  const plaintext = plaintextHint(detail, "lms.url");
  if (plaintext !== null) return plaintext;
  const plugin = /unknown plugin ([\w-]+)/i.exec(detail)?.[1];
  if (plugin !== undefined || code === "AUTH_SWITCH_PLUGIN_ERROR") {
    return `lmsmon cannot log in by ${
      plugin ?? "this login plugin"
    }. Run as an administrator, on MariaDB: alter user ` +
      `'${target.user}'@'%' identified via mysql_native_password using password('…'); on MySQL: alter user ` +
      `'${target.user}'@'%' identified with caching_sha2_password by '…'`;
  }
  if (code === "AUTH_TYPE_NOT_IMPLEMENTED") {
    return "lmsmon logs in by password only (scram-sha-256, md5): let the role in so in pg_hba.conf";
  }
  if (code === "ER_ACCOUNT_HAS_BEEN_LOCKED") {
    return `Run as an administrator: alter user '${target.user}'@'%' account unlock`;
  }
  if (code.startsWith("ER_MUST_CHANGE_PASSWORD")) {
    return `The password has expired. Run as an administrator: alter user '${target.user}'@'%' identified by '…' ` +
      "password expire never; and write it to lms.password_file";
  }
  if (/is not permitted to log in/.test(detail)) return `Run as an administrator: alter role "${target.user}" login`;
  const local = target.dialect === "mysql" && /^(localhost|127\.|\[::1\])/.test(target.label);
  return "Check lms.url, lms.password or lms.password_file, and which hosts the server lets in" +
    (local ? "; a role that REQUIREs SSL needs ?ssl=require on loopback" : "");
}

function unreachableHint(code: string, detail: string, { user }: LmsTarget): string {
  if (USED_UP.has(code)) {
    return "lmsmon needs two connections at a time, a new one now and then, and many small questions. Run as an " +
      `administrator: alter user '${user}'@'%' with max_user_connections 0 max_queries_per_hour 0 max_connections_per_hour 0`;
  }
  if (code === "53300" && /for role/.test(detail)) {
    return `lmsmon needs two connections at a time. Run as an administrator: alter role "${user}" connection limit 5`;
  }
  if (code === "3D000" || code === "ER_BAD_DB_ERROR") return "Check the database's name in lms.url";
  if (code === "55000") {
    return "The server takes no connections to this database now: it starts, or it is closed to them";
  }
  if (code === "53300" || code === "ER_CON_COUNT_ERROR") return "The server has no connection left; lmsmon needs two";
  if (code === "ENOTFOUND" || code.startsWith("EAI_")) return "Check the host's name in lms.url and the name server";
  if (code === "HANDSHAKE_NO_SSL_SUPPORT" || /\bTLS\b/.test(detail)) {
    return "The server speaks no TLS: set ?sslmode=disable if that is intended";
  }
  return noConnectionHint(detail, 2) ?? "Check that the server runs, lms.url, and the firewall in between";
}

function firstLine(error: Error): string {
  const text = error.message !== ""
    ? error.message
    : error instanceof AggregateError
    ? String(error.errors[0]?.message ?? error.errors[0])
    : error.name;
  return text.split("\n", 1)[0] ?? text;
}
