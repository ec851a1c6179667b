import type { Duplex } from "node:stream";
import postgres from "postgres";
import { ROLE_QUERY } from "../../sql/lms/dialects/postgres.ts";
import { chooseHost, type ServerRole, shuffled } from "./choose_host.ts";
import type { DatabaseTarget } from "./database_url.ts";
import { openSocket, type ServerSocket } from "./open_socket.ts";
import { RefusedSocket } from "../drivers/postgres/refused_socket.ts";
import type { TargetHost } from "./url_hosts.ts";

type PoolOptions = postgres.Options<Record<string, postgres.PostgresType>>;

export interface ServerLogin {
  readonly user: string | null;
  readonly password: string | null;
  readonly keyPassword: string | null;
  /** For each host; `connect_timeout` of the URL goes before it. */
  readonly connectTimeoutMs: number;
}

const RENEW_AFTER_MS = 50;
/** ReadyForQuery outside a transaction: what an answer ends with when nothing is under way any more. */
const READY = [0x5a, 0, 0, 0, 5, 0x49];

/** A connection that the pool has. */
interface HandedOut {
  readonly closed: Promise<void>;
  /** Nothing was asked since the last answer ended. */
  isIdle: boolean;
  /** To be made anew as soon as it is idle. */
  isStale: boolean;
}

/**
 * Makes the connections of a postgres.js pool: to the right one of several servers, with TLS as the URL says. The driver's own
 * way with several hosts never ends when none of them can be reached, and its TLS asks for the wrong name.
 */
export class ServerSockets {
  /** Called before each attempt, which may take its time. */
  onAttempt: () => void = () => {};
  /** Hears that the driver itself ends a connection, by its last message: that one is not lost. */
  onGoodbye: () => void = () => {};
  /**
   * Hears what the server answers, piece by piece, on every connection; `renew`: this connection is of no use any more, and those
   * that were made before it may be of none either.
   */
  onAnswer: ((bytes: Uint8Array) => "renew" | null) | null = null;
  readonly #closed = new AbortController();
  /** Those that the pool has; each until it has closed. */
  readonly #handedOut = new Map<Duplex, HandedOut>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #plaintextHost: string | null = null;

  constructor(private readonly target: DatabaseTarget, private readonly login: ServerLogin) {}

  /** A host beyond this machine that the last connection reached without TLS; else `null`. */
  get plaintextHost(): string | null {
    return this.#plaintextHost;
  }

  /** Options of postgres.js: where to, and as whom. TLS is none of its business any more. */
  options(): PoolOptions {
    const [first] = this.target.hosts;
    return poolOptions({
      // For its errors only; as lists, or it would take an IPv6 address apart.
      host: [first?.host ?? ""],
      port: [first?.port ?? 0],
      database: this.target.address.database,
      ...(this.login.user === null ? {} : { user: this.login.user }),
      // A function, so that no error or inspection of the options shows it.
      pass: () => this.login.password ?? "",
      ssl: false as const,
      sslnegotiation: null,
      connect_timeout: Math.ceil(this.#timeoutMs / 1000),
      socket: () => this.#socket(),
    });
  }

  /**
   * Connections that are being made are given up. Those that are left once the pool has ended are destroyed, and have closed when
   * this resolves: the driver does not wait for one that the server ended, and its timers run until it has.
   */
  async close(): Promise<void> {
    this.#closed.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#handedOut.keys()) socket.destroy();
    await Promise.all([...this.#handedOut.values()].map(({ closed }) => closed));
  }

  get #timeoutMs(): number {
    const { connectTimeoutS } = this.target;
    return connectTimeoutS === null ? this.login.connectTimeoutMs : connectTimeoutS * 1000;
  }

  /** Never rejects; see RefusedSocket. */
  async #socket(): Promise<Duplex> {
    try {
      const { socket, plaintextHost } = await this.#open(await this.#choose());
      this.#plaintextHost = plaintextHost;
      const handed = this.#handOut(socket);
      const heard = this.onAnswer;
      if (heard !== null) {
        const write = socket.write.bind(socket) as (...parameters: unknown[]) => boolean;
        Object.assign(socket, {
          write: (...parameters: unknown[]) => {
            handed.isIdle = false;
            return write(...parameters);
          },
        });
        socket.on("data", (bytes: Uint8Array) => {
          handed.isIdle = READY.every((byte, i) => bytes[bytes.length - READY.length + i] === byte);
          // Once what was asked is answered: the next question makes a new connection.
          if (heard(bytes) === "renew") {
            this.#soon(() => socket.destroy());
            for (const [other, state] of this.#handedOut) this.#renew(other, state);
          } else if (handed.isStale) this.#renew(socket, handed);
        });
      }
      const end = socket.end.bind(socket) as (...parameters: unknown[]) => Duplex;
      return Object.assign(socket, {
        end: (...parameters: unknown[]) => {
          if (parameters.length > 0) this.onGoodbye(); // what the other side ends is ended here without a word
          return end(...parameters);
        },
      });
    } catch (error) {
      return new RefusedSocket(error instanceof Error ? error : new Error(String(error)), true);
    }
  }

  #handOut(socket: Duplex): HandedOut {
    const { promise, resolve } = Promise.withResolvers<void>();
    const handed = { closed: promise, isIdle: false, isStale: false };
    this.#handedOut.set(socket, handed);
    socket.once("close", () => {
      this.#handedOut.delete(socket);
      resolve();
    });
    return handed;
  }

  /** Ends a connection once it is idle, else when its next answer has ended. */
  #renew(socket: Duplex, handed: HandedOut): void {
    handed.isStale = true;
    this.#soon(() => {
      if (handed.isIdle) socket.destroy();
    });
  }

  #soon(work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, RENEW_AFTER_MS);
    this.#timers.add(timer);
  }

  async #choose(): Promise<TargetHost> {
    const { hosts, sessionAttrs, loadBalance } = this.target;
    const [only] = hosts;
    if (only !== undefined && hosts.length === 1 && sessionAttrs === "any") return only;
    const order = loadBalance ? shuffled(hosts, Math.random) : hosts;
    return await chooseHost(order, sessionAttrs, (host) => this.#ask(host), ({ host, port }) => `${host}:${port}`);
  }

  #open(place: TargetHost): Promise<ServerSocket> {
    this.onAttempt();
    const { keyPassword } = this.login;
    const wish = { tls: this.target.tls, keyPassword, timeoutMs: this.#timeoutMs, signal: this.#closed.signal };
    return openSocket(place, wish);
  }

  /** Logs in once more to ask what the server is: the pool's own connection has settings that would change the answer. */
  async #ask(place: TargetHost): Promise<ServerRole> {
    const socket = () => this.#open(place).then((opened) => opened.socket, (error) => new RefusedSocket(error, true));
    const sql = postgres({
      ...this.options(),
      ...poolOptions({ host: [place.host], port: [place.port], socket }),
      max: 1,
      prepare: false,
      fetch_types: false,
      onnotice: () => {},
      connection: { application_name: "lmsmon" },
    });
    try {
      const [row] = await sql.unsafe<string[][]>(ROLE_QUERY).values();
      return { isStandby: row?.[0] === "on", isReadOnly: row?.[1] === "on" };
    } finally {
      await sql.end({ timeout: 1 });
    }
  }
}

/** Its types do not know lists of hosts, `socket`, and `null` for what must not come from the environment. */
function poolOptions(options: Readonly<Record<string, unknown>>): PoolOptions {
  return options as PoolOptions;
}
