import { createServer, type Server, type Socket } from "node:net";
import { basename, dirname, join } from "node:path";
import { cannotOpen, type StateDirectory } from "./owner_directory.ts";
import type { PgliteEngine } from "../drivers/pglite/pglite_engine.ts";
import { type Served, servePglite } from "../drivers/pglite/pglite_socket.ts";
import type { Clock } from "../base/clock.ts";

/** `sun_path` holds 108 bytes with its final zero. */
const LONGEST_SOCKET_PATH = 107;
const TEMP_PREFIX = "lmsmon-state-";
/**
 * An owner that ends waits so long for clients at work: a command of a second beside it comes to its end, and what works on
 * for longer is cut. Short, since a service has 10 s to stop.
 */
const LINGER_MS = 4_000;
/** A client that asked nothing for so long is between two pieces of work: its next question makes a new connection. */
const REST_MS = 250;
const LOOK_MS = 25;
/** Who is at rest so often in a row is: what was asked while this process itself stood still is read between two looks. */
const LOOKS_AT_REST = 4;

/** The owner's door for other processes: a Unix socket that only this user can open. */
export class OwnerServer implements AsyncDisposable {
  readonly #clients = new Map<Socket, Served>();

  private constructor(
    readonly path: string,
    private readonly server: Server,
    private readonly engine: PgliteEngine,
    private readonly clock: Clock,
  ) {
    server.on("connection", (socket) => {
      const served = servePglite(engine, socket);
      this.#clients.set(socket, served);
      void served.ended.finally(() => this.#clients.delete(socket));
    });
  }

  /** @param formerPath Where the last owner served; a leftover of a killed one is removed. */
  static async listen(
    directory: StateDirectory,
    engine: PgliteEngine,
    clock: Clock,
    formerPath: string | null,
  ): Promise<OwnerServer> {
    try {
      await Deno.remove(directory.socket).catch(ignoreMissing);
      if (formerPath !== null && formerPath !== directory.socket) await removeTempSocket(formerPath);
      const path = await socketPath(directory);
      const server = createServer();
      // Who waits for an owner knows the path of the former one, and is there at once: it must not find a socket that nobody serves.
      const owner = new OwnerServer(path, server, engine, clock);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      server.once("error", reject);
      server.listen(path, () => resolve());
      await promise;
      server.off("error", reject);
      // Before this line the directory's mode 0700 keeps others out.
      await Deno.chmod(path, 0o600);
      return owner;
    } catch (error) {
      throw cannotOpen(directory, error);
    }
  }

  /** Stops listening and ends the connections, each when it rests; what goes on for too long fails there as a lost connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.server.close(() => resolve());
    await this.#letRest();
    const left = [...this.#clients];
    for (const [socket] of left) socket.destroy();
    await Promise.all(left.map(([, { ended }]) => ended));
    await promise;
    await Deno.remove(this.path).catch(ignoreMissing);
    await removeTempSocket(this.path);
  }

  async #letRest(): Promise<void> {
    const giveUpAt = this.clock.monotonicMs() + LINGER_MS;
    const looksAtRest = new Map<Socket, number>();
    while (this.#clients.size > 0 && this.engine.broken === null && this.clock.monotonicMs() < giveUpAt) {
      for (const [socket, served] of this.#clients) {
        const looks = served.restedMs() < REST_MS ? 0 : (looksAtRest.get(socket) ?? 0) + 1;
        looksAtRest.set(socket, looks);
        if (looks >= LOOKS_AT_REST) socket.destroy();
      }
      await this.clock.sleep(LOOK_MS);
    }
  }
}

/** Beside the database; in a private directory of the system's temporary one when that path is too long for a socket. */
async function socketPath(directory: StateDirectory): Promise<string> {
  if (new TextEncoder().encode(directory.socket).length <= LONGEST_SOCKET_PATH) return directory.socket;
  return join(await Deno.makeTempDir({ prefix: TEMP_PREFIX }), basename(directory.socket));
}

async function removeTempSocket(path: string): Promise<void> {
  const directory = dirname(path);
  if (!basename(directory).startsWith(TEMP_PREFIX)) return;
  await Deno.remove(path).catch(() => {});
  await Deno.remove(directory).catch(() => {});
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
