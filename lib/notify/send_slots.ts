/** Requests that may be under way at the same time, whichever chunk they are of; who finds none waits in order. */
export class SendSlots {
  #free: number;
  readonly #waiting: (() => void)[] = [];
  /** The longest waiting one; what is before it was served. */
  #next = 0;

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
    const next = this.#waiting[this.#next];
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#next++;
    if (this.#next > 1000) this.#next -= this.#waiting.splice(0, this.#next).length;
    next();
  }
}
