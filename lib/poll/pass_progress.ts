import type { Clock } from "../base/clock.ts";
import type { Progress } from "../base/progress.ts";
import type { LmsId } from "../model/event.ts";
import type { Kind } from "../model/event_types.ts";
import type { LmsSource } from "../source/lms_source.ts";

/** Before that nothing is shown, so nothing need be known. */
const QUIET_MS = 1000;
/** The highest id is found to within this part of the range. */
const PRECISION = 200n;

/**
 * How far a pass over a stream has come, by the ids that it is at: counting the rows would cost the LMS as much as reading them. Ids
 * have gaps, so the share is about right, no more.
 */
export class PassProgress implements AsyncDisposable {
  #done = 0;
  #lowest: bigint | null = null;
  #highest: bigint | null = null;
  #asking: Promise<void> | null = null;
  readonly #ended = new AbortController();
  readonly #startedMs: number;

  constructor(
    private readonly progress: Progress,
    private readonly lms: Pick<LmsSource, "firstIdFrom">,
    private readonly kind: Kind,
    private readonly clock: Pick<Clock, "monotonicMs">,
  ) {
    this.#startedMs = clock.monotonicMs();
  }

  /** `rows` more were looked at, up to `id`. */
  at(rows: number, id: LmsId): void {
    const now = BigInt(id);
    this.#done += rows;
    this.#lowest ??= now;
    if (this.clock.monotonicMs() - this.#startedMs >= QUIET_MS) this.#asking ??= this.#findHighest(now);
    this.progress.update(this.#done, this.#share(now));
  }

  #share(now: bigint): number | null {
    if (this.#highest === null || this.#lowest === null) return null;
    const range = this.#highest - this.#lowest;
    return range <= 0n ? null : Number(now - this.#lowest) / Number(range);
  }

  /** Doubles the distance until nothing is beyond, then halves it: a few dozen looks into an index. */
  async #findHighest(from: bigint): Promise<void> {
    try {
      let low = from;
      let step = 1024n;
      for (let next = await this.#firstFrom(low + step); next !== null; next = await this.#firstFrom(low + step)) {
        low = next;
        step *= 2n;
      }
      let high = low + step;
      while (high - low > (low - (this.#lowest ?? from)) / PRECISION + 1n) {
        const middle = (low + high) / 2n;
        const next = await this.#firstFrom(middle);
        if (next === null) high = middle;
        else low = next;
      }
      this.#highest = low;
    } catch {
      // The pass itself says what is wrong with the LMS; without a share there is still a count.
    }
  }

  async #firstFrom(id: bigint): Promise<bigint | null> {
    this.#ended.signal.throwIfAborted();
    if (id >= 2n ** 63n) return null;
    const found = await this.lms.firstIdFrom(this.kind, String(id));
    return found === null ? null : BigInt(found);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#asking;
    this.progress[Symbol.dispose]();
  }
}
