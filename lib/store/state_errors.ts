import { LmsmonError, StateError } from "../ops/errors.ts";

/** Class 28 of SQLSTATE, and "database does not exist". */
const REFUSED = /^(28|3D000)/;
/** The driver's codes of a lost or impossible connection, the system's, and a server that shuts down or is full. */
const UNREACHABLE =
  /^(CONNECTION_|CONNECT_TIMEOUT|ECONN|ENOTFOUND|EAI_|EHOST|ENET|ETIMEDOUT|EPIPE|ENOENT|08|57P0|53300)/;

/** TLS: nobody who could be trusted, or none at all. */
const UNTRUSTED = /^(TLS|HANDSHAKE_NO_SSL_SUPPORT|CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/;

const CUT = /^(CONNECTION_CLOSED|CONNECTION_DESTROYED|ECONNRESET|EPIPE)/;

/** Whether a query failed because the connection did: asking again later may work, and what it did is unknown. */
export function isConnectionLost(error: unknown): boolean {
  return UNREACHABLE.test(codeOf(error));
}

/** The other side was there and went away, as opposed to one that is not there or says nothing. */
export function isConnectionCut(error: unknown): boolean {
  return CUT.test(codeOf(error));
}

/** The error a person gets when the state database at `url` (without a password) cannot be used. */
export function stateError(url: string, error: unknown): Error {
  if (error instanceof LmsmonError) return error;
  const code = codeOf(error);
  const detail = error instanceof Error && error.message !== "" ? error.message : code;
  if (url.startsWith("pglite:")) {
    const lost = UNREACHABLE.test(code);
    return new StateError(
      `Cannot open the state database ${url}: ${lost ? "the process that has it open does not answer" : detail}`,
      { cause: error, ...(lost ? { hint: "lmsmon.lock in that directory names it: wake it up or end it" } : {}) },
    );
  }
  if (REFUSED.test(code)) {
    return new StateError(`Cannot open the state database ${url}: the server refused: ${detail}`, {
      cause: error,
      hint: "check user, password and database of state.url (state.password_file)",
    });
  }
  if (UNREACHABLE.test(code)) {
    return new StateError(`Cannot reach the state database ${url}: ${detail}`, {
      cause: error,
      hint: "check that the server runs and that state.url names its host and port",
    });
  }
  if (UNTRUSTED.test(code)) {
    return new StateError(`Cannot trust the state database ${url}: ${detail}`, {
      cause: error,
      hint: "name the server's certificate authority with ?sslrootcert=FILE, or choose another ?sslmode= in state.url",
    });
  }
  return new StateError(`Cannot open the state database ${url}: ${detail}`, { cause: error });
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}
