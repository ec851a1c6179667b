/*
 * Fault: The driver stops reading its socket when rows pile up, and goes on when the stream asks for more, which one
 *   that has ended never does: what the server says next, to whatever question, lies unread for ever. And a stream
 *   that is destroyed early makes it read no further at all.
 * Seen in: postgres.js 3.4.9.
 * Upstream: porsager/postgres#499; #1016 is a change that would mend it.
 * Delete when: a slow reader of a `copy … to stdout` no longer blocks the next query of its connection.
 */

import type { Readable } from "node:stream";

/** The rows of a `copy … to stdout`, one piece of bytes each, with the reader setting the pace. */
export class CopyOut {
  #stopped = false;

  private constructor(private readonly statement: Statement, private readonly stream: Readable) {}

  static async begin(statement: Statement): Promise<CopyOut> {
    return new CopyOut(statement, await statement.readable() as Readable);
  }

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  /** Cancelling leaves the connection in order; what still arrives is read and dropped, and `rows` rejects. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.statement.cancel();
    this.stream.resume();
  }

  /**
   * Hands every row to `take` until the last one or `stop()`, also by `signal`. The bytes stay as they are: no copies. Rejects
   * with the server's error.
   */
  async rows(take: (row: Uint8Array) => void, signal: AbortSignal): Promise<void> {
    const { stream } = this;
    stream.on("data", (row: Uint8Array) => {
      if (!this.#stopped) take(row);
    });
    const ended = new Promise<void>((resolve, reject) => stream.once("end", resolve).once("error", reject));
    const stop = () => this.stop();
    signal.addEventListener("abort", stop, { once: true });
    try {
      await ended;
    } finally {
      signal.removeEventListener("abort", stop);
      stream._read(0); // lets the driver read its socket again
    }
  }
}

/** A query of the driver, of rows of any type. */
interface Statement {
  readable(): Promise<unknown>;
  cancel(): void;
}
