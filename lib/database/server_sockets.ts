import type { Duplex } from "node:stream";
import postgres from "postgres";
import { ROLE_QUERY } from "../../sql/lms/dialects/postgres.ts";
import { chooseHost, type ServerRole, shuffled } from "./choose_host.ts";
import type { DatabaseTarget } from "./database_url.ts";
import { openSocket, type ServerSocket } from "./open_socket.ts";
import { hearLastWords } from "../drivers/postgres/last_words.ts";
import { RefusedSocket } from "../drivers/postgres/refused_socket.ts";
import { WatchedSockets } from "../drivers/postgres/watched_sockets.ts";
import type { TargetHost } from "./url_hosts.ts";

type PoolOptions = postgres.Options<Record<string, postgres.PostgresType>>;

export interface ServerLogin {
  readonly user: string | null;
  readonly password: string | null;
  readonly keyPassword: string | null;
  /** For each host; `connect_timeout` of the URL goes before it. */
  readonly connectTimeoutMs: number;
}

/**
 * Makes the connections of a postgres.js pool: to the right one of several servers, with TLS as the URL says. The driver's own
 * way with several hosts never ends when none of them can be reached, and its TLS asks for the wrong name.
 */
export class ServerSockets {
  /** Called before each attempt, which may take its time. */
  onAttempt: () => void = () => {};
  /** Those that the pool has. */
  readonly watched = new WatchedSockets();
  readonly #closed = new AbortController();
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

  /** Connections that are being made are given up; those that are left once the pool has ended have closed when this resolves. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.watched.close();
  }

  get #timeoutMs(): number {
    const { connectTimeoutS } = this.target;
    return connectTimeoutS === null ? this.login.connectTimeoutMs : connectTimeoutS * 1000;
  }

  /** Never rejects; see RefusedSocket. */
  async #socket(): Promise<Duplex> {
    try {
      const { socket, plaintextHost } = await this.#open(await this.#choose());
      if (this.#closed.signal.aborted) {
        socket.destroy(); // ready as nobody waited any more: the driver would keep it for good
        throw new Error("the pool has ended");
      }
      this.#plaintextHost = plaintextHost;
      return this.watched.watch(hearLastWords(socket));
    } catch (error) {
      return new RefusedSocket(error instanceof Error ? error : new Error(String(error)), true);
    }
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
