/** Why a database URL cannot be used. Never quotes a value of it, since any part may be a password that was written wrongly. */
export class BadUrl extends Error {
  /** For those who sort errors by code: a certificate that was there at the start and is not any more. */
  readonly code = "TLS_FILES";

  constructor(readonly problems: readonly string[]) {
    super(problems.join("; "));
    this.name = "BadUrl";
  }
}
