const FEWEST = 8;
/** What a Zulip that takes thousands a second gets: of fewer, preparing takes longer than sending. */
const MOST = 2048;
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
    const inTime = Math.floor(Math.min(this.#messages / 2, messages * LONG_MS / ms));
    if (ms > LONG_MS) this.#messages = Math.max(FEWEST, inTime);
    else if (ms < SHORT_MS && messages >= this.#messages / 2) this.#messages = Math.min(MOST, this.#messages * GROWTH);
  }
}
