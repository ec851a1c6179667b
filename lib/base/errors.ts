/**
 * The errors callers tell apart. Everything else is a TypeError, RangeError or a bug.
 * `message` says what failed, with which value; `hint` says what to do; neither holds a secret or personal data.
 */
export interface ErrorOptionsWithHint {
  readonly cause?: unknown;
  readonly hint?: string;
}

export abstract class LmsmonError extends Error {
  abstract readonly code: string;
  /** The process's exit code when this error ends a command. */
  abstract readonly exitCode: number;
  readonly hint: string | undefined;

  constructor(message: string, options: ErrorOptionsWithHint = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.hint = options.hint;
  }
}

/** Wrong usage of the command line. */
export class UsageError extends LmsmonError {
  readonly code = "usage";
  readonly exitCode = 2;
}

/** A configuration that cannot be used; `message` holds every problem, one a line. */
export class ConfigError extends LmsmonError {
  readonly code = "config";
  readonly exitCode = 2;
}

/** The state database is not migrated, or newer than this program, or its migrations were edited. */
export class MigrationError extends LmsmonError {
  readonly code = "migration";
  readonly exitCode = 3;
}

/** The state database cannot be reached, opened or written. */
export class StateError extends LmsmonError {
  readonly code = "state";
  readonly exitCode = 1;
}

/** Another process polls this source, or took the lease over while this one was working. */
export class LeaseLostError extends LmsmonError {
  readonly code = "lease_lost";
  readonly exitCode = 1;
}

/**
 * The LMS: `unreachable` and `refused` (credentials) end with 4, a `schema` problem (missing table or column, permission)
 * or anything else with 1.
 */
export class LmsError extends LmsmonError {
  readonly code = "lms";
  constructor(
    readonly reason: "unreachable" | "refused" | "schema" | "timeout" | "identity" | "failed",
    message: string,
    options: ErrorOptionsWithHint = {},
  ) {
    super(message, options);
  }
  get exitCode(): number {
    return this.reason === "unreachable" || this.reason === "refused" ? 4 : 1;
  }
}

/** The LMS could not answer what one kind, or several, asks of it; every other kind was polled to its end. */
export class KindError extends LmsError {
  /** `first`: what failed first. `sumsMs`: what the statements of the others' sum phase took, `null` without any. */
  constructor(first: LmsError, readonly sumsMs: number | null) {
    super(first.reason, first.message, {
      cause: first.cause,
      ...(first.hint === undefined ? {} : { hint: first.hint }),
    });
  }
}

/** Zulip could not be reached or refused the credentials; see lib/bot for outcomes of single sends. */
export class ZulipError extends LmsmonError {
  readonly code = "zulip";
  readonly exitCode = 4;
  /** How long Zulip wants to be left alone, when that is all that is wrong. Milliseconds. */
  readonly retryAfterMs: number | null;
  constructor(
    readonly reason: "unreachable" | "refused" | "failed",
    message: string,
    options: ErrorOptionsWithHint & { readonly retryAfterMs?: number } = {},
  ) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

/** A signal ended a one-shot command after the batch in hand: nothing is wrong, and what was done is kept. */
export class StoppedError extends LmsmonError {
  readonly code = "stopped";
  constructor(readonly signal: "SIGINT" | "SIGTERM", options: ErrorOptionsWithHint = {}) {
    super(`stopped, goes on next time (${signal})`, {
      hint: "what was done is kept; run it again for the rest",
      ...options,
    });
  }
  get exitCode(): number {
    return this.signal === "SIGINT" ? 130 : 143;
  }
  /** The same error with a hint: what being stopped means for this command. */
  withHint(hint: string, cause?: unknown): StoppedError {
    return new StoppedError(this.signal, { hint, cause });
  }
}

/** Anything else that ends a command, such as an unwritable --out. */
export class CommandError extends LmsmonError {
  readonly code = "failed";
  readonly exitCode = 1;
}
