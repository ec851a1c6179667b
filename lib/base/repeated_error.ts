import type { Clock } from "./clock.ts";
import type { Logger } from "./log.ts";
import { formatDuration } from "../text/parse_duration.ts";

/**
 * Logs a trouble that comes back with every try twice only: when it starts and when it ends; and again when it turns into another
 * one, which wants another remedy. In between, the errors are logged at debug. One instance for each thing that can be in trouble (the
 * LMS, Zulip, the state database).
 */
export class RepeatedError {
  #since: number | null = null;
  #count = 0;
  #kind = "";

  /** `what` is a noun phrase with a capital: "The LMS", "Zulip". */
  constructor(private readonly what: string, private readonly log: Logger, private readonly clock: Clock) {}

  get inTrouble(): boolean {
    return this.#since !== null;
  }

  failed(error: unknown): void {
    this.#count++;
    const kind = kindOf(error);
    const turned = kind !== this.#kind;
    this.#kind = kind;
    if (this.#since === null || turned) {
      this.#since ??= this.clock.monotonicMs();
      this.log.error("{what} is in trouble, trying again until it works", { what: this.what, error });
    } else {
      this.log.debug("{what} is still in trouble", { what: this.what, failures: this.#count, error });
    }
  }

  /** Call after every success. */
  succeeded(): void {
    if (this.#since === null) return;
    const lasted = formatDuration(this.clock.monotonicMs() - this.#since);
    this.log.info("{what} works again", { what: this.what, lasted, failures: this.#count });
    this.#since = null;
    this.#count = 0;
    this.#kind = "";
  }
}

/** What tells a wrong password from a server that is away; the texts differ with every port and number. */
function kindOf(error: unknown): string {
  const { name, code, reason } = (error ?? {}) as { name?: unknown; code?: unknown; reason?: unknown };
  return [name, code, reason].join("/");
}
