/** What stopped delivery for everybody, as opposed to a refusal for one recipient. */
export type Trouble = "unreachable" | "unauthorized" | "failing";

/** Between the second probe and the third; doubled from then on. Wrong credentials heal less soon than networks. */
const FIRST_PAUSE_MS: Record<Trouble, number> = { unreachable: 1000, failing: 1000, unauthorized: 5000 };
const LONGEST_PAUSE_MS = 60_000;

/**
 * The outage breaker of one process. `closed`: sending. `open`: nothing is sent until a probe says that Zulip answers.
 * `half_open`: the probe was well, but only a send proves that sends work again, so they go one at a time. Times are the
 * caller's monotonic milliseconds.
 */
export class Circuit {
  #state: "closed" | "open" | "half_open" = "closed";
  #trouble: { readonly kind: Trouble; readonly reason: string } | null = null;
  #failures = 0;
  #probeAt = 0;
  #openedAt = 0;
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

  probeDue(now: number): boolean {
    return this.#state === "open" && now >= this.#probeAt;
  }

  /** Milliseconds until the next probe; 0 when not open. */
  probeInMs(now: number): number {
    return this.#state === "open" ? Math.max(0, this.#probeAt - now) : 0;
  }

  /** True when this is news: the circuit was closed before. The first probe may follow at once. */
  trip(kind: Trouble, reason: string, now: number): boolean {
    const news = this.#state === "closed";
    // Sends in flight fail together; only the first of them counts.
    if (this.#state === "open") return false;
    this.#proven = false;
    if (news) this.#openedAt = now;
    this.#open(kind, reason, now);
    return news;
  }

  probeFailed(kind: Trouble, reason: string, now: number): void {
    this.#open(kind, reason, now);
  }

  /** Zulip answers the probe. After 5xx or an unclear outcome only a send shows that it works. True when closed by it. */
  probeWorked(): boolean {
    if (this.#trouble?.kind === "failing") {
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
    this.#failures = 0;
  }

  #open(kind: Trouble, reason: string, now: number): void {
    // The very first failure is probed at once: one reset connection must not hold up everybody.
    const pause = this.#failures === 0
      ? 0
      : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS[kind] * 2 ** (this.#failures - 1));
    this.#failures++;
    this.#state = "open";
    this.#trouble = { kind, reason };
    this.#probeAt = now + pause;
  }
}
