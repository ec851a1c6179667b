import { TcpProxy } from "../../support/lms/tcp_proxy.ts";
import { PATIENCE_MS, until } from "./chaos_run.ts";
import { type Cluster, startCluster } from "./cluster.ts";

const DATABASE = "state";
const HOST = "127.0.0.1";

/** A state server with an asynchronous standby, behind one address that follows a failover. */
export class StatePair implements AsyncDisposable {
  #standby: Cluster | null = null;
  #replication: TcpProxy | null = null;

  private constructor(
    private readonly first: Cluster,
    private primary: Cluster,
    private readonly target: { hostname: string; port: number },
    private readonly address: TcpProxy,
  ) {}

  /** Why there can be none, or a pair with an empty state database. */
  static async make(): Promise<StatePair | string> {
    const first = await startCluster();
    if (typeof first === "string") return first;
    await first.createDatabase(DATABASE);
    const target = { hostname: HOST, port: first.port };
    return new StatePair(first, first, target, new TcpProxy(target));
  }

  /** Where the state is, whoever serves it. */
  get url(): string {
    return `postgres://postgres@${HOST}:${this.address.port}/${DATABASE}`;
  }

  /** The primary itself, also while nobody gets to it by the address. */
  get primaryUrl(): string {
    return this.primary.urlOf(DATABASE);
  }

  /** Makes a standby and waits until it has everything. */
  async follow(): Promise<void> {
    await this.#replication?.[Symbol.asyncDispose]();
    this.#replication = new TcpProxy({ hostname: HOST, port: this.primary.port });
    this.#standby = await this.primary.standby(this.#replication.port);
    if (!await until(() => this.primary.streams(), PATIENCE_MS)) {
      throw new Error("A standby gets nothing from its primary");
    }
  }

  /** From now on the standby gets nothing more. */
  holdBack(): void {
    this.#replication?.refuse();
  }

  /** Nobody gets to the state any more. */
  close(): void {
    this.address.refuse();
  }

  /** The primary dies with what it did not hand on; the standby takes its place. The address stays closed. */
  async failOver(): Promise<void> {
    const [dead, next] = [this.primary, this.#standby];
    if (next === null) throw new Error("Cannot fail over: there is no standby");
    await dead.kill();
    await next.promote();
    this.#standby = null;
    this.primary = next;
    this.target.port = next.port;
    // The first one's folder holds all of them; its end is the end of the pair.
    if (dead !== this.first) await dead.discard();
  }

  /** The successor is there for everybody. */
  open(): void {
    this.address.listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.address[Symbol.asyncDispose]();
    await this.#replication?.[Symbol.asyncDispose]();
    await this.first[Symbol.asyncDispose]();
  }
}
