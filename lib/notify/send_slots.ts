/** Requests that may be under way at the same time, whichever chunk they are of; who finds none waits in order. */
export class SendSlots {
  #free: number;
  /** A few for each chunk under way. */
  readonly #waiting: (() => void)[] = [];

  constructor(slots: number) {
    this.#free = slots;
  }

  /** `null` when there was one; else resolves when it is this one's turn. */
  take(): Promise<void> | null {
    if (this.#free === 0) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#free--;
    return null;
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
