const SMALLEST = 8;
const LARGEST = 256;
const SHORT_MS = 1000;
const LONG_MS = 5000;

/**
 * How many recipients are claimed at a time: many while sends are fast, few while they are slow or paced, so that a claim never
 * expires with work left and a crash leaves few messages in doubt.
 */
export class ChunkSize {
  #limit = 32;

  get limit(): number {
    return this.#limit;
  }

  /** After a chunk of `messages` that took `ms`. */
  took(messages: number, ms: number): void {
    if (ms > LONG_MS) this.#limit = Math.max(SMALLEST, Math.floor(this.#limit / 2));
    else if (ms < SHORT_MS && messages >= this.#limit / 2) this.#limit = Math.min(LARGEST, this.#limit * 2);
  }
}
