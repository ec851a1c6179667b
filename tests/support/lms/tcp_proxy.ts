import { freePort } from "../free_port.ts";

/** A TCP proxy in front of a server, to play a network that fails. */
export class TcpProxy implements AsyncDisposable {
  #listener: Deno.TcpListener;
  readonly port: number;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #pipes = new Set<Promise<void>>();
  #frozen = Promise.withResolvers<void>();
  #isFrozen = false;
  #isRefusing = false;
  #swallowed = Promise.withResolvers<void>();
  /** Connections accepted so far. */
  accepted = 0;

  /** `onFirst` sees the first bytes of each connection; what it returns is sent as the answer, and the connection ends. */
  constructor(
    private target: { hostname: string; port: number },
    private readonly onFirst: (bytes: Uint8Array) => Uint8Array | null = () => null,
  ) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: freePort() });
    this.port = this.#listener.addr.port;
    this.#frozen.resolve();
    this.#serve();
  }

  /** From now on bytes vanish in both directions, and connections stay open: what a dead peer looks like. */
  freeze(): void {
    this.#isFrozen = true;
    this.#frozen = Promise.withResolvers<void>();
    this.#swallowed = Promise.withResolvers<void>();
  }

  /** Resolves once something vanished since `freeze`, a question or its answer: somebody waits for an answer from then on. */
  get swallowed(): Promise<void> {
    return this.#swallowed.promise;
  }

  thaw(): void {
    this.#isFrozen = false;
    this.#frozen.resolve();
  }

  /** Closes all connections and accepts no more, until `listen`. */
  refuse(): void {
    this.#isRefusing = true;
    this.#listener.close();
    this.reset();
  }

  /** Another server takes over behind the same address: connections end, and new ones go there. */
  failOver(target: { hostname: string; port: number }): void {
    this.target = target;
    this.reset();
  }

  /** Cuts all connections. */
  reset(): void {
    for (const conn of this.#open) close(conn);
    this.#open.clear();
  }

  listen(): void {
    this.#isRefusing = false;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: this.port });
    this.#serve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    close(this.#listener);
    this.thaw();
    this.reset();
    await Promise.all(this.#pipes);
  }

  #serve(): void {
    const listener = this.#listener;
    this.#track((async () => {
      for await (const client of listener) {
        if (this.#isRefusing) { // it was accepted just before, and is heard of only now
          close(client);
          continue;
        }
        this.accepted++;
        this.#open.add(client);
        this.#track(this.#join(client));
      }
    })());
  }

  async #join(client: Deno.TcpConn): Promise<void> {
    const server = await Deno.connect(this.target);
    if (!this.#open.has(client)) return close(server); // cut meanwhile
    this.#open.add(server);
    this.#track(this.#pump(server, client, () => null));
    await this.#pump(client, server, this.onFirst);
  }

  async #pump(from: Deno.TcpConn, to: Deno.TcpConn, onFirst: (b: Uint8Array) => Uint8Array | null): Promise<void> {
    const buffer = new Uint8Array(65_536);
    let first = true;
    for (let size = await from.read(buffer); size !== null; size = await from.read(buffer)) {
      if (this.#isFrozen) {
        this.#swallowed.resolve();
        await this.#frozen.promise;
      }
      const answer = first ? onFirst(buffer.subarray(0, size)) : null;
      first = false;
      if (answer !== null) {
        await from.write(answer);
        break;
      }
      for (let sent = 0; sent < size;) sent += await to.write(buffer.subarray(sent, size));
    }
    for (const conn of [from, to]) {
      close(conn);
      this.#open.delete(conn);
    }
  }

  #track(work: Promise<void>): void {
    const quiet = work.catch(() => {});
    this.#pipes.add(quiet);
    quiet.finally(() => this.#pipes.delete(quiet));
  }
}

function close(resource: Disposable): void {
  try {
    resource[Symbol.dispose]();
  } catch {
    // closed already
  }
}
