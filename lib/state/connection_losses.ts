/** Counts how often a pool lost an established connection. */
export class ConnectionLosses {
  #count = 0;
  #goodbyes = 0;

  /** Rises with every loss. */
  get count(): number {
    return this.#count;
  }

  /** This side ends a connection, because it is old: what closes next was not lost. */
  expectClose(): void {
    this.#goodbyes++;
  }

  closed(): void {
    if (this.#goodbyes > 0) this.#goodbyes--;
    else this.#count++;
  }
}
