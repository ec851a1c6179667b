/*
 * Fault: postgres.js speaks to sockets only, and PGlite listens on none.
 * Seen in: PGlite 0.5.16 with postgres.js 3.4.9.
 * Upstream: none; a gap between two packages.
 * Delete when: one of both can be handed to the other.
 */

import { Duplex } from "node:stream";
import type { Socket } from "node:net";
import type { PgliteEngine } from "./pglite_engine.ts";
import { PgliteSession } from "./pglite_session.ts";

/** What postgres.js takes as its connection in this process: bytes written go to the engine, its answers come back. */
export class PgliteSocket extends Duplex {
  readonly #session: PgliteSession;

  constructor(engine: PgliteEngine) {
    super({ autoDestroy: true });
    this.#session = new PgliteSession(engine, {
      send: (bytes) => void this.push(bytes),
      hangUp: () => this.destroy(),
    });
  }

  /** postgres.js says goodbye, and waits for `close`, only when this says "open". */
  get readyState(): "open" | "closed" {
    return this.destroyed ? "closed" : "open";
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#session.feed(chunk).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    // End the reading side too, or neither `close` comes nor the process ends.
    this.#session.end().then(() => {
      this.push(null);
      this.resume();
      done();
    }, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#session.end().then(() => done(error), () => done(error));
  }
}

/** A connection from another process. */
export interface Served {
  /** Resolves when it has ended; never rejects. */
  readonly ended: Promise<void>;
  /** As a session's: nothing is lost when it is ended after a while of rest. */
  restedMs(): number;
}

export function servePglite(engine: PgliteEngine, socket: Socket): Served {
  const session = new PgliteSession(engine, {
    send: (bytes) => void socket.write(bytes),
    hangUp: () => void socket.end(),
  });
  socket.on("error", () => {});
  return { ended: feedFrom(socket, session), restedMs: () => session.restedMs };
}

async function feedFrom(socket: Socket, session: PgliteSession): Promise<void> {
  try {
    for await (const chunk of socket) await session.feed(chunk);
  } catch {
    // The client vanished or the engine broke: either way this connection is over.
  } finally {
    await session.end().catch(() => {});
    socket.destroy();
  }
}
