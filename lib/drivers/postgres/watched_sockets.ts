/*
 * Fault: The driver does not say which connections its pool has, when one is idle, or whether it ended one itself; it keeps
 *   connections for good that the server will only refuse on, and `sql.end()` does not wait for one that the server ended,
 *   whose timers run on.
 * Seen in: postgres.js 3.4.9.
 * Upstream: none known.
 * Delete when: a pool can renew its connections, tells of those that it ends, and has ended when `sql.end()` resolves.
 */

import type { Duplex } from "node:stream";
import { LAST_WORDS } from "./last_words.ts";

const RENEW_AFTER_MS = 50;
/** ReadyForQuery outside a transaction: what an answer ends with when nothing is under way any more. */
const READY = [0x5a, 0, 0, 0, 5, 0x49];

/** A connection that the pool has. */
interface Watched {
  readonly closed: Promise<void>;
  /** Nothing was asked since the last answer ended. */
  isIdle: boolean;
  /** To be made anew as soon as it is idle. */
  isStale: boolean;
}

/** The sockets that a pool was given, each until it has closed. */
export class WatchedSockets {
  /** Called when the driver itself ends a connection, by its last message: that one is not lost. */
  onGoodbye: () => void = () => {};
  /**
   * Hears what the server answers, piece by piece, on every connection; `renew`: this connection is of no use any more, and those
   * that were made before it may be of none either.
   */
  onAnswer: ((bytes: Uint8Array) => "renew" | null) | null = null;
  readonly #sockets = new Map<Duplex, Watched>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  /** The same socket, watched from here on. */
  watch(socket: Duplex): Duplex {
    const watched = this.#add(socket);
    if (this.onAnswer !== null) this.#listen(socket, watched, this.onAnswer);
    const end = socket.end.bind(socket) as (...parameters: unknown[]) => Duplex;
    return Object.assign(socket, {
      end: (...parameters: unknown[]) => {
        if (parameters.length > 0) this.onGoodbye(); // what the other side ends is ended here without a word
        return end(...parameters);
      },
    });
  }

  /** Destroys what is left once the pool has ended; all have closed when this resolves. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#sockets.keys()) socket.destroy();
    await Promise.all([...this.#sockets.values()].map(({ closed }) => closed));
  }

  #add(socket: Duplex): Watched {
    const { promise, resolve } = Promise.withResolvers<void>();
    const watched = { closed: promise, isIdle: false, isStale: false };
    this.#sockets.set(socket, watched);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      resolve();
    });
    return watched;
  }

  #listen(socket: Duplex, watched: Watched, heard: (bytes: Uint8Array) => "renew" | null): void {
    const write = socket.write.bind(socket) as (...parameters: unknown[]) => boolean;
    Object.assign(socket, {
      write: (...parameters: unknown[]) => {
        watched.isIdle = false;
        return write(...parameters);
      },
    });
    socket.on(LAST_WORDS, (bytes: Uint8Array) => void heard(bytes));
    socket.on("data", (bytes: Uint8Array) => {
      watched.isIdle = READY.every((byte, i) => bytes[bytes.length - READY.length + i] === byte);
      // Once what was asked is answered: the next question makes a new connection.
      if (heard(bytes) === "renew") {
        this.#soon(() => socket.destroy());
        for (const [other, state] of this.#sockets) this.#renew(other, state);
      } else if (watched.isStale) this.#renew(socket, watched);
    });
  }

  /** Ends a connection once it is idle, else when its next answer has ended. */
  #renew(socket: Duplex, watched: Watched): void {
    watched.isStale = true;
    this.#soon(() => {
      if (watched.isIdle) socket.destroy();
    });
  }

  #soon(work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, RENEW_AFTER_MS);
    this.#timers.add(timer);
  }
}
