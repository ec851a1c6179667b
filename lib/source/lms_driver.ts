import type { Dialect } from "../../sql/lms/dialects/dialect.ts";

/** Every value comes as text; readers of lib/source give it a type. */
export type Cell = string | null;
export type CellRow = readonly Cell[];

/** One transaction with its own snapshot. */
export interface LmsSession {
  /** The server refused to hand out a text: this time texts come as the bytes they are, see `lmsQueries`. */
  readonly raw: boolean;
  rows(query: string): Promise<readonly CellRow[]>;
  /** The columns of what a query gives, with their types as the dialect's catalog names them; none is read. */
  columns(query: string): Promise<readonly OutputColumn[]>;
}

export interface OutputColumn {
  readonly name: string;
  readonly type: string;
}

/**
 * The connection to an LMS database. Sessions are read-only by default, and every transaction once more: whatever runs
 * here cannot write. Throws LmsError; after a failure the same driver works again as soon as the database does.
 */
export interface LmsDriver {
  readonly dialect: Dialect;
  /** One short READ ONLY transaction; `work` must only read, and may run a second time after a lost connection. */
  read<T>(work: (session: LmsSession) => Promise<T>): Promise<T>;
  /** A host beyond this machine that the last connection reached without TLS; else `null`. */
  plaintextHost(): string | null;
  /** Idempotent. */
  close(): Promise<void>;
}

export interface LmsLimits {
  /** The server ends a statement after this. */
  readonly statementTimeoutMs: number;
  /** The client gives the connection up when nothing came for this long; longer than the former. */
  readonly deadlineMs: number;
  /**
   * Statements have parts that somebody else wrote: PostgreSQL gets them by the extended protocol, which takes one statement only.
   * By the simple one, a text with a semicolon in it could end the READ ONLY transaction and write.
   */
  readonly foreignSql?: boolean;
}

export const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Rejects when nothing was heard for `ms` milliseconds: a server that vanished without a reset would otherwise hold a
 * call for many minutes. `touch` starts the time anew.
 */
export class Watchdog {
  readonly expired: Promise<never>;
  #reject: () => void = () => {};
  #timer: ReturnType<typeof setTimeout>;
  #barked = false;

  constructor(private readonly ms: number) {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {}); // raced by the caller; nobody listens once the work is done
    this.expired = promise;
    this.#reject = () => {
      this.#barked = true;
      reject(new Error(`no answer for ${ms / 1000} s`));
    };
    this.#timer = setTimeout(this.#reject, ms);
  }
  get barked(): boolean {
    return this.#barked;
  }
  touch(): void {
    if (this.#barked) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#reject, this.ms);
  }
  stop(): void {
    clearTimeout(this.#timer);
  }
}
