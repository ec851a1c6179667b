import { errorCode, isConnectionCut, isConnectionLost } from "../base/database_errors.ts";
import { LmsmonError, StateError } from "../base/errors.ts";
import { noConnectionHint } from "../database/no_connection_hint.ts";
import { certificateHint, plaintextHint } from "../database/tls_hint.ts";
import { STATEMENT_POOLING, statementPoolingHint } from "../database/statement_pooling.ts";
import { diskTrouble } from "./disk_trouble.ts";
import { MOST_CONNECTIONS } from "./state_pool.ts";

/** Class 28 of SQLSTATE, and "database does not exist". */
const REFUSED = /^(28|3D000)/;
/** TLS: nobody who could be trusted, or none at all. */
const UNTRUSTED = /^(TLS|HANDSHAKE_NO_SSL_SUPPORT|CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/;

/** The error a person gets when the state database at `url` (without a password) cannot be used. */
export function stateError(url: string, error: unknown): Error {
  if (error instanceof LmsmonError) return error;
  const code = errorCode(error) ?? "";
  const detail = error instanceof Error && error.message !== "" ? error.message : code;
  if (url.startsWith("pglite:")) {
    const noRoom = diskTrouble(url.slice("pglite:".length), error);
    if (noRoom !== null) return noRoom;
    if (isConnectionCut(error)) {
      return new StateError(`Cannot use the state database ${url} any more: the process that had it open ended`, {
        cause: error,
        hint: "try again: whoever comes next opens it",
      });
    }
    const lost = isConnectionLost(error) && code !== "25P03"; // that is for a process which stood still itself
    return new StateError(
      `Cannot open the state database ${url}: ${lost ? "the process that has it open does not answer" : detail}`,
      { cause: error, ...(lost ? { hint: "lmsmon.lock in that directory names it: wake it up or end it" } : {}) },
    );
  }
  if (code === "25006") {
    return new StateError(`Cannot write the state database ${url}: it is read-only now`, {
      cause: error,
      hint: "a standby, or default_transaction_read_only: lmsmon goes on by itself when it can be written again",
    });
  }
  if (REFUSED.test(code)) {
    return new StateError(`Cannot open the state database ${url}: the server refused: ${detail}`, {
      cause: error,
      hint: plaintextHint(detail, "state.url") ??
        "check user, password and database of state.url (state.password_file)",
    });
  }
  if (isConnectionLost(error)) {
    return new StateError(`Cannot reach the state database ${url}: ${detail}`, {
      cause: error,
      hint: noConnectionHint(detail, MOST_CONNECTIONS) ??
        "check that the server runs and that state.url names its host and port",
    });
  }
  if (UNTRUSTED.test(code)) {
    return new StateError(`Cannot trust the state database ${url}: ${detail}`, {
      cause: error,
      hint: certificateHint(detail) ??
        "name the server's certificate authority with ?sslrootcert=FILE, or choose another ?sslmode= in state.url",
    });
  }
  return new StateError(`Cannot open the state database ${url}: ${detail}`, { cause: error });
}

/** A pooler stands before the state that gives each statement another connection. */
export function statementMode(url: string, cause: unknown): StateError {
  return new StateError(`Cannot use the state database ${url}: ${STATEMENT_POOLING}`, {
    cause,
    hint: statementPoolingHint("state.url"),
  });
}

/** The server, or whoever administers it: no room, no connection left, ended by hand or by a limit, a broken disk, a right taken away. */
const SERVER_TROUBLE = /^(53|55P03|57|58|XX|42501)/;

function serverTrouble(url: string, error: Error, code: string): StateError {
  const hint = code === "42501"
    ? "make the role the owner of the schema lmsmon (README, Permissions)"
    : code === "57014"
    ? "somebody, or a time limit of the server, ended the statement: what was stored is kept; try again"
    : "see the log of its server: what was stored is kept; try again when that is mended";
  return new StateError(`Cannot go on with the state database ${url}: ${error.message}`, { cause: error, hint });
}

/** The error as a person should read it: the driver's "connect ECONNREFUSED" does not say that it is the state database. */
export function nameStateTrouble(url: string, error: unknown): unknown {
  if (error instanceof LmsmonError) return error;
  // A full disk stops the embedded engine, which has no words for it.
  if (isConnectionLost(error) || errorCode(error) === "25006" || url.startsWith("pglite:")) {
    return stateError(url, error);
  }
  const code = errorCode(error) ?? "";
  return isOfServer(error) && SERVER_TROUBLE.test(code) ? serverTrouble(url, error, code) : error;
}

/** What the LMS and Zulip say has become an error of their own before: only the state's driver leaves these. */
const isOfServer = (error: unknown): error is Error => error instanceof Error && "severity" in error;

/** The same for whatever ends a command: a file that is missing must not pass for a lost connection, nor a fault of ours for trouble. */
export function nameStateTroubleOfCommand(url: string, error: unknown): unknown {
  const code = errorCode(error) ?? "";
  const isTrouble = /^(CONNECTION_|CONNECT_TIMEOUT|ECONN)/.test(code) ||
    isOfServer(error) && (isConnectionLost(error) || code === "25006" || SERVER_TROUBLE.test(code));
  return isTrouble ? nameStateTrouble(url, error) : error;
}
