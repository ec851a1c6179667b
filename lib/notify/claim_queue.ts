/** A recipient that is due, and how many messages it is expected to get. */
export interface Expected {
  readonly recipient: string;
  readonly messages: number;
}

/** Whom to claim for one chunk; `only` is `null` when anybody will do. */
export interface Turn {
  readonly only: readonly Expected[] | null;
  /** Recipients at most. */
  readonly limit: number;
}

/** Claimed at a time at most: each may bring some dozens of rows into memory. */
const MOST_RECIPIENTS = 256;

/**
 * Who is claimed next: as many as will fill a chunk. Fewer would leave senders idle; of more, everything would be loaded
 * and composed, and most of it thrown away again.
 */
export class ClaimQueue {
  readonly #all: readonly Expected[] | null;
  #next = 0;
  #again: Expected[] = [];
  /** Messages that came of each expected one, lately. */
  #yield = 1;

  /** `all`: in the order of telling; `null`: whoever is due, in the order in which they fell due. */
  constructor(all: readonly Expected[] | null) {
    this.#all = all;
  }

  /** `null` when everybody had a turn. */
  next(messages: number): Turn | null {
    const room = messages / this.#yield;
    if (this.#all === null) return { only: null, limit: clamped(room) };
    // Who was left out comes first; who could not be finished comes with everybody else.
    const waiting = this.#again.length + this.#all.length - this.#next;
    if (waiting === 0) return null;
    const at = (i: number) => this.#again[i] ?? this.#all?.[this.#next + i - this.#again.length];
    let count = 0;
    for (let sum = 0; count < Math.min(waiting, MOST_RECIPIENTS); count++) {
      sum += at(count)?.messages ?? 0;
      if (count > 0 && sum > room) break;
    }
    const fromAgain = this.#again.splice(0, count);
    const fresh = this.#all.slice(this.#next, this.#next + count - fromAgain.length);
    this.#next += fresh.length;
    return { only: [...fromAgain, ...fresh], limit: count };
  }

  /** What became of a turn: who found no room, and how many messages the others got. */
  took(
    turn: Turn,
    leftOut: ReadonlySet<string>,
    composed: { readonly recipients: number; readonly messages: number },
  ): void {
    if (turn.only !== null) this.#again.push(...turn.only.filter(({ recipient }) => leftOut.has(recipient)));
    if (composed.recipients === 0) return;
    const expected = turn.only === null
      ? composed.recipients
      : turn.only.reduce((sum, { messages }) => sum + messages, 0) * composed.recipients / turn.only.length;
    this.#yield = Math.max(1 / MOST_RECIPIENTS, composed.messages / expected);
  }
}

const clamped = (recipients: number) => Math.max(1, Math.min(MOST_RECIPIENTS, Math.ceil(recipients)));
