import type { LmsSource } from "../source/lms_source.ts";
import { LmsError } from "../base/errors.ts";

/**
 * The error that a person gets when a poll failed because of the LMS's tables: a server names one column that it missed
 * first, the check of the whole preset names all that are missing, with their tables.
 */
export async function explainLmsError(lms: Pick<LmsSource, "check">, error: unknown): Promise<unknown> {
  if (!(error instanceof LmsError) || error.reason !== "schema") return error;
  return await lms.check().then(
    () => error,
    (better) => better instanceof LmsError && better.reason === "schema" ? better : error,
  );
}
