import type { Logger } from "@logtape/logtape";
import { connect as connectSocket, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { StateError } from "../base/errors.ts";
import type { Clock } from "../base/clock.ts";
import { RefusedSocket } from "../drivers/postgres/refused_socket.ts";
import { Checkpoints } from "./checkpoints.ts";
import { cannotOpen, checkVersion, prepareDirectory, removeLeftovers, type StateDirectory } from "./owner_directory.ts";
import { requireRoomForNew } from "./disk_trouble.ts";
import { rootIsAStranger } from "./directory_user.ts";
import { OwnerLock, readOwnerNote } from "./owner_lock.ts";
import { OwnerServer } from "./owner_server.ts";
import { StatePresence } from "./state_presence.ts";
import { PgliteEngine } from "../drivers/pglite/pglite_engine.ts";
import { syncPath, unpackDirectory } from "../drivers/pglite/unpack_directory.ts";
import { PgliteSocket } from "../drivers/pglite/pglite_socket.ts";
import { requireMemory } from "./require_memory.ts";
import { stateTemplate } from "./template.ts";
import { memoryLimit } from "../drivers/deno/memory_limit.ts";

/** How long an owner may take from its lock to its socket (creating the database on a slow disk), ms; its answers have a limit of their own. */
const PATIENCE_MS = 60_000;
const RETRY_MS = 50;

interface Ownership {
  readonly lock: OwnerLock;
  readonly engine: PgliteEngine;
  readonly checkpoints: Checkpoints;
  readonly server: OwnerServer;
}

/**
 * An embedded database that several processes use: the one that gets the lock owns it, opens it and serves the rest. A
 * connection goes to this process's own engine, else to the owner. When the owner's socket closes, connected processes try to
 * succeed it at once; the lock decides.
 */
export class OwnerState {
  #ownership: Ownership | null = null;
  /** The directory as this process first found it. */
  #presence: StatePresence | null = null;
  #electing: Promise<Duplex> | null = null;
  /** A connection to the owner found after the former one had gone: nothing is asked through it, but its end is heard. */
  #watched: Duplex | null = null;
  #retired = false;
  #closed = false;

  constructor(
    private readonly directory: StateDirectory,
    private readonly clock: Clock,
    /** Runs when this process became the owner and before anybody else is served: migrations. */
    private readonly onOwner: (engine: PgliteEngine, isNew: boolean) => Promise<void>,
    private readonly log: Logger,
  ) {}

  get owns(): boolean {
    return this.#ownership !== null;
  }

  /** A connection for postgres.js: in this process, or to the owner. Never rejects; see RefusedSocket. */
  async connect(): Promise<Duplex> {
    try {
      return await this.#connect();
    } catch (error) {
      return new RefusedSocket(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** From now on an owner that goes is not succeeded: this process is about to close. */
  retire(): void {
    this.#retired = true;
  }

  /** Gives the directory up; connections of this process must be closed before. Idempotent. */
  async close(): Promise<void> {
    this.#retired = true;
    this.#closed = true;
    await this.#electing?.catch(() => {});
    this.#watched?.destroy();
    await this.#giveUp();
  }

  async #connect(): Promise<Duplex> {
    if (this.#ownership?.engine.broken) await this.#giveUp();
    // One election at a time: a second one of this process would lose against the first.
    while (this.#electing !== null) await this.#electing.catch(() => {});
    if (this.#ownership !== null) return new PgliteSocket(this.#ownership.engine);
    this.#electing = this.#elect().finally(() => this.#electing = null);
    return await this.#electing;
  }

  /**
   * The owner is gone. Opening takes a second, so take over now rather than at the next request. Asks for a connection like
   * anybody else. One that leads to an owner again is kept: another process was quicker, or a killed owner has closed one of its
   * sockets and not yet the one it listens on, and is gone a moment later.
   */
  async #succeed(): Promise<void> {
    if (this.#retired || this.#ownership !== null || this.#electing !== null) return;
    if (this.#watched?.destroyed === false) return; // a connection of the pool ended by itself; this one tells when the owner goes
    const connection = await this.#connect().catch(() => null); // whoever asks next hears why
    if (connection === null) return;
    if (this.#ownership !== null || this.#retired) {
      connection.destroy();
      return;
    }
    this.#watched = connection.on("error", () => {}); // an end like any other
  }

  async #elect(): Promise<Duplex> {
    this.#presence?.check(); // what was deleted under this process is missed, not made anew
    const connection = await this.#ownOrConnect();
    this.#presence ??= StatePresence.of(`pglite:${this.directory.path}`);
    return connection;
  }

  async #ownOrConnect(): Promise<Duplex> {
    const giveUpAt = this.clock.monotonicMs() + PATIENCE_MS;
    const stranger = rootIsAStranger(this.directory);
    if (stranger === null) await prepareDirectory(this.directory);
    for (;;) {
      if (this.#closed) throw new StateError("Cannot use the state database: it was closed");
      const lock = stranger === null ? await OwnerLock.tryTake(this.directory) : null;
      if (lock !== null) {
        this.#ownership = await this.#becomeOwner(lock);
        return new PgliteSocket(this.#ownership.engine);
      }
      const owner = await readOwnerNote(this.directory);
      const socket = owner === null ? null : await tryConnect(owner.socket);
      if (socket !== null) {
        socket.once("close", () => void this.#succeed());
        return socket;
      }
      if (stranger !== null) throw stranger;
      if (this.clock.monotonicMs() > giveUpAt) {
        throw new StateError(
          `Cannot open the state database in ${this.directory.path}: ` +
            (owner === null ? "another process has it" : `process ${owner.pid} has it since ${owner.since}`) +
            " and does not answer",
          { hint: "end that process, or wait for it, then try again" },
        );
      }
      await this.clock.sleep(RETRY_MS);
    }
  }

  async #becomeOwner(lock: OwnerLock): Promise<Ownership> {
    await using undo = new AsyncDisposableStack();
    undo.use(lock);
    const former = await readOwnerNote(this.directory);
    const { engine, isNew } = await this.#openEngine();
    undo.defer(() => engine.close());
    await this.onOwner(engine, isNew);
    const checkpoints = undo.use(new Checkpoints(engine, this.log));
    const server = undo.use(await OwnerServer.listen(this.directory, engine, this.clock, former?.socket ?? null));
    await lock.write({ pid: Deno.pid, since: Temporal.Now.instant().toString(), socket: server.path });
    undo.move();
    return { lock, engine, checkpoints, server };
  }

  async #openEngine(): Promise<{ readonly engine: PgliteEngine; readonly isNew: boolean }> {
    try {
      requireMemory(this.directory.path, memoryLimit());
      await removeLeftovers(this.directory);
      const isNew = await Deno.stat(this.directory.data).then(() => false, () => true);
      if (isNew) {
        requireRoomForNew(this.directory.path);
        await createDatabase(this.directory);
      }
      await checkVersion(this.directory);
      return { engine: await PgliteEngine.open(this.directory.data), isNew };
    } catch (error) {
      throw cannotOpen(this.directory, error);
    }
  }

  async #giveUp(): Promise<void> {
    const ownership = this.#ownership;
    this.#ownership = null;
    if (ownership === null) return;
    try {
      await ownership.server[Symbol.asyncDispose]();
      await ownership.checkpoints[Symbol.asyncDispose]();
      await ownership.engine.close();
    } finally {
      ownership.lock[Symbol.dispose]();
    }
  }
}

/** Beside and renamed: a process killed in this second leaves nothing that looks like a database. */
async function createDatabase(directory: StateDirectory): Promise<void> {
  const temporary = join(directory.path, `data.new-${Deno.pid}`);
  await Deno.mkdir(temporary, { mode: 0o700 });
  await unpackDirectory(await stateTemplate(), temporary);
  await Deno.rename(temporary, directory.data);
  await syncPath(directory.path);
}

/** `null` when nobody listens there (any more). */
async function tryConnect(path: string): Promise<Socket | null> {
  const socket = connectSocket(path);
  const { promise, resolve } = Promise.withResolvers<Socket | null>();
  const refused = () => resolve(null);
  socket.once("connect", () => resolve(socket));
  socket.once("error", refused);
  const connected = await promise;
  socket.off("error", refused);
  if (connected === null) socket.destroy();
  return connected;
}
