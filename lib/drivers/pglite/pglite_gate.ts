/*
 * Fault: PGlite has one session for all of its users, and a transaction of one is open to every other.
 * Seen in: PGlite 0.5.16.
 * Upstream: none; it is one PostgreSQL backend, by design.
 * Delete when: PGlite has several sessions, or keeps others out of an open transaction by itself.
 */

/** So often in a row a holder that says nothing is looked at before it is evicted. */
const IDLE_LOOKS = 4;

/**
 * Who may use the one session of an embedded database. A connection keeps it from its first message until it is idle
 * outside a transaction; the others wait in order.
 *
 * Somebody who keeps it without using it while others wait (a stopped process, a transaction that asks through a second
 * connection and so waits for itself) is evicted after `patienceMs`.
 */
export class PgliteGate {
  #holder: GateUser | null = null;
  #lastUse = 0;
  #closed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #waiting: { readonly user: GateUser; readonly enter: () => void }[] = [];

  constructor(private readonly patienceMs = 60_000) {}

  /** Resolves when `user` holds the session; at once when it already does. Rejects when the database is closed. */
  async acquire(user: GateUser): Promise<void> {
    if (this.#closed) throw new Error("The embedded database was closed");
    if (this.#holder === null || this.#holder === user) {
      this.#holder = user;
      this.#lastUse = performance.now(); // nobody else's asking is a use
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ user, enter: resolve });
    this.#watch();
    await promise;
    if (this.#closed) throw new Error("The embedded database was closed");
  }

  /** Harmless when `user` does not hold it. */
  release(user: GateUser): void {
    if (this.#holder !== user) return;
    const next = this.#waiting.shift();
    this.#holder = next?.user ?? null;
    this.#lastUse = performance.now();
    if (this.#waiting.length === 0) this.#unwatch();
    next?.enter();
  }

  /** Nobody is let in any more; those who wait already hear of it, or what they asked would never end. */
  close(): void {
    this.#closed = true;
    for (const { enter } of this.#waiting.splice(0)) enter();
    this.#unwatch();
  }

  holds(user: GateUser): boolean {
    return this.#holder === user;
  }

  /** By looks and not by the clock: a process that stood still has not read what the holder said meanwhile. */
  #watch(idleLooks = 0): void {
    if (this.#timer !== undefined) return;
    const lastUse = this.#lastUse;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const looks = this.#lastUse === lastUse ? idleLooks + 1 : 0;
      if (looks >= IDLE_LOOKS) this.#holder?.evict();
      if (this.#waiting.length > 0) this.#watch(looks);
    }, this.patienceMs / IDLE_LOOKS);
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  #unwatch(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

export interface GateUser {
  /** Ends this user's transaction and connection, and releases the gate. */
  evict(): void;
}
