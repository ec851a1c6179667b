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
    const half = this.#messages / 2;
    const full = messages >= half; // one slow answer among few messages does not say how many can be sent
    if (ms > LONG_MS) {
      const inTime = full ? Math.min(half, messages * LONG_MS / ms) : half;
      this.#messages = Math.max(FEWEST, Math.floor(inTime));
    } else if (ms < SHORT_MS && full) this.#messages = Math.min(MOST, this.#messages * GROWTH);
  }
}
