import type { ZulipError } from "../base/errors.ts";
import type { SendOutcome } from "./zulip_api.ts";

type TroubleKind = "unreachable" | "unauthorized" | "failing" | "rate_limited";

/** What stopped delivery for everybody, as opposed to a refusal for one recipient. */
export interface Trouble {
  readonly kind: TroubleKind;
  readonly reason: string;
  /** Zulip wants to be left alone for so long. Milliseconds, default 0. */
  readonly atLeastMs?: number;
}

/** Between the second probe and the third; doubled from then on. Wrong credentials heal less soon than networks. */
const FIRST_PAUSE_MS: Record<TroubleKind, number> = {
  unreachable: 1000,
  failing: 1000,
  unauthorized: 5000,
  rate_limited: 1000,
};
const LONGEST_PAUSE_MS = 60_000;

/**
 * The circuit breaker of one process, which pauses sending during an outage. `closed`: sending. `open`: nothing is sent until a probe says that Zulip answers.
 * `half_open`: the probe was well, but only a send proves that sends work again, so they go one at a time. Times are the
 * caller's monotonic milliseconds.
 */
export class Circuit {
  #state: "closed" | "open" | "half_open" = "closed";
  #trouble: Trouble | null = null;
  /** Failures since it was last closed, by kind: a network that was away must not make a new key wait for a minute. */
  #failures = new Map<TroubleKind, number>();
  #probeAt = 0;
  #openedAt = 0;
  #failedAt = 0;
  /** A send went well since the circuit last opened: trouble with one message is then that message's own. */
  #proven = false;

  get state(): "closed" | "open" | "half_open" {
    return this.#state;
  }

  get reason(): string | null {
    return this.#trouble?.reason ?? null;
  }

  get proven(): boolean {
    return this.#proven;
  }

  /** Since when deliveries have been paused, `null` when they are not. */
  get openedAt(): number | null {
    return this.#state === "closed" ? null : this.#openedAt;
  }

  /** When Zulip failed last, as far as it was asked. */
  get failedAt(): number {
    return this.#failedAt;
  }

  probeDue(now: number): boolean {
    return this.#state === "open" && now >= this.#probeAt;
  }

  /** Milliseconds until the next probe; 0 when not open. */
  probeInMs(now: number): number {
    return this.#state === "open" ? Math.max(0, this.#probeAt - now) : 0;
  }

  /** True when this is news: the circuit was closed before. The first probe may follow at once. */
  trip(trouble: Trouble, now: number): boolean {
    const news = this.#state === "closed";
    // Sends in flight fail together; only the first of them counts.
    if (this.#state === "open") return false;
    this.#proven = false;
    if (news) this.#openedAt = now;
    this.#open(trouble, now);
    return news;
  }

  probeFailed(trouble: Trouble, now: number): void {
    this.#open(trouble, now);
  }

  /** Zulip answers the probe. After 5xx, an unclear outcome or a refused key only a send shows that it works: what stands before Zulip
   * may let reading through alone. True when closed by it. */
  probeWorked(): boolean {
    if (this.#trouble?.kind === "failing" || this.#trouble?.kind === "unauthorized") {
      this.#state = "half_open";
      return false;
    }
    this.#close();
    return true;
  }

  /** A send (or an answered refusal) went through. True when that closed the circuit. */
  worked(): boolean {
    this.#proven = true;
    if (this.#state !== "half_open") return false;
    this.#close();
    return true;
  }

  #close(): void {
    this.#state = "closed";
    this.#trouble = null;
    this.#failures.clear();
  }

  #open(trouble: Trouble, now: number): void {
    const { kind } = trouble;
    const before = this.#failures.get(kind) ?? 0;
    // The very first failure is probed at once: one reset connection must not hold up everybody.
    const pause = this.#failures.size === 0
      ? 0
      : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS[kind] * 2 ** Math.max(0, before - 1));
    this.#failures.set(kind, before + 1);
    this.#state = "open";
    this.#trouble = trouble;
    this.#failedAt = now;
    this.#probeAt = now + Math.max(pause, trouble.atLeastMs ?? 0);
  }
}

/** What a send means for everybody else; `null`: nothing. */
export function troubleOf(outcome: SendOutcome): Trouble | null {
  switch (outcome.outcome) {
    case "unauthorized":
      return { kind: "unauthorized", reason: outcome.reason };
    case "not_sent":
      return { kind: "unreachable", reason: outcome.reason };
    case "unknown":
      return { kind: "failing", reason: outcome.reason };
    default:
      return null;
  }
}

/** The same of a reading call that failed. */
export function troubleOfError(error: ZulipError): Trouble {
  const reason = error.message;
  if (error.retryAfterMs !== null) return { kind: "rate_limited", reason, atLeastMs: error.retryAfterMs };
  if (error.reason === "failed") return { kind: "failing", reason };
  return { kind: error.reason === "refused" ? "unauthorized" : "unreachable", reason };
}

/** What helps against it, for who reads the log. */
export function remedyOf({ kind }: Trouble): string {
  return kind === "unauthorized"
    ? "Check the zuliprc (email, key, site), which is read again every minute: of a copy that systemd made (LoadCredential) a restart " +
      "makes a new one; a bot is deactivated together with its owner"
    : "Polling goes on, nothing is lost, and delivery goes on by itself when Zulip answers";
}
