import { LmsmonError } from "../base/errors.ts";
import { errorCode, isConnectionLost } from "../base/database_errors.ts";
import { stateError } from "../state/state_errors.ts";

/** The error as a person should read it: the driver's "connect ECONNREFUSED" does not say that it is the state database. */
export function nameStateTrouble(url: string, error: unknown): unknown {
  if (error instanceof LmsmonError) return error;
  // A full disk stops the embedded engine, which has no words for it.
  return isConnectionLost(error) || errorCode(error) === "25006" || url.startsWith("pglite:")
    ? stateError(url, error)
    : error;
}
