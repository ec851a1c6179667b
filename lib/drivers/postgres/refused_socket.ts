/*
 * Fault: The driver never uses a place in its pool again whose socket could not be made, and garbles the next
 *   connection when one closes before its first write.
 * Seen in: postgres.js 3.4.9.
 * Upstream: none known for sockets of the caller's own.
 * Delete when: a pool goes on after its `socket` option rejected.
 */

import { Duplex } from "node:stream";

/** A connection that fails with `error` at its first use: an error in answer to its first write is what the driver recovers from. */
export class RefusedSocket extends Duplex {
  /** `isFailure`: the pool waits a little longer after each of them, as after a failed connection of its own. */
  constructor(private readonly error: Error, private readonly isFailure = false) {
    super({ autoDestroy: true });
  }

  override emit(event: string | symbol, ...values: unknown[]): boolean {
    return super.emit(event, ...(event === "close" && this.isFailure ? [true] : values));
  }

  get readyState(): "open" | "closed" {
    return this.destroyed ? "closed" : "open";
  }

  override _read(): void {}

  override _write(_chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    done(this.error);
  }
}
