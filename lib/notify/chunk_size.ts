const FEWEST = 8;
/** More would only make the first send wait: while one chunk is sent the next is prepared. */
const MOST = 512;
const SHORT_MS = 1000;
/** Zulip proved fast: preparing a chunk costs the more per message the smaller it is. */
const GROWTH = 4;
const LONG_MS = 5000;

/**
 * How many messages are sent under one claim: many while sends are fast, few while they are slow or paced, so that a claim
 * never expires with work left and a crash leaves few messages in doubt.
 */
export class ChunkSize {
  #messages = 128;

  /** Messages at most. */
  get messages(): number {
    return this.#messages;
  }

  /** After a chunk of `messages` that took `ms`. */
  took(messages: number, ms: number): void {
    if (ms > LONG_MS) this.#messages = Math.max(FEWEST, Math.floor(this.#messages / 2));
    else if (ms < SHORT_MS && messages >= this.#messages / 2) this.#messages = Math.min(MOST, this.#messages * GROWTH);
  }
}
