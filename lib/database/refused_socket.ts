import { Duplex } from "node:stream";

/**
 * A connection that fails with `error` at its first use. postgres.js never uses a place in its pool again whose socket
 * could not be made, and garbles the next connection when one closes before its first write; an error in answer to that
 * write is the way it recovers from.
 */
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
