import { type Answer, AnswerReader } from "./answer_reader.ts";
import type { Credentials } from "./credentials.ts";
import { type Exchange, Stopped, TimedOut } from "./exchange.ts";

export interface DirectPostOptions {
  readonly credentials: Pick<Credentials, "site" | "caBundle" | "clientCert">;
  /** Of every request, besides Host and Content-Length. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** A connection that was idle for longer is not used again. */
  readonly idleMs: number;
  readonly maxAnswer: number;
}

const encoder = new TextEncoder();

/**
 * POSTs over connections of our own, where no proxy is between: half of the time that a delivery took went into `fetch` and
 * the stream that its body has to be (see http.ts). One call writes one request, once; whatever goes wrong before its first byte
 * is written is "no", everything from then on "maybe". Trust is fetch's: Deno's authorities, those of DENO_CERT, and `caBundle`.
 */
export class DirectPost {
  readonly #options: DirectPostOptions;
  readonly #site: URL;
  readonly #head: string;
  #idle: Connection[] = [];
  #sweeper: ReturnType<typeof setTimeout> | null = null;
  #closed = false;

  constructor(options: DirectPostOptions) {
    this.#options = options;
    this.#site = new URL(options.credentials.site);
    const lines = Object.entries({ Host: this.#site.host, ...options.headers });
    this.#head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  }

  /** Connections that wait for the next request. */
  get idle(): number {
    return this.#idle.length;
  }

  /** `body` in ASCII. Never throws. */
  async post(path: string, body: string, signal?: AbortSignal): Promise<Exchange> {
    const { timeoutMs, maxAnswer } = this.#options;
    const turn = new Turn();
    const timer = setTimeout(() => turn.end(new TimedOut()), timeoutMs);
    const stop = () => turn.end(new Stopped());
    signal?.addEventListener("abort", stop, { once: true });
    let begun = false;
    try {
      const connection = turn.uses(this.#takeIdle()) ?? await this.#connect(turn);
      const base = this.#site.pathname.replace(/\/$/, "");
      const request =
        `POST ${base}/api/v1/${path} HTTP/1.1\r\n${this.#head}Content-Length: ${body.length}\r\n\r\n${body}`;
      begun = true;
      const answer = await connection.ask(encoder.encode(request), maxAnswer);
      if (answer.reusable && !this.#closed) this.#keep(connection);
      else connection.close();
      return { kind: "answered", status: answer.status, headers: answer.headers, text: answer.text };
    } catch (error) {
      turn.end(error);
      return failure(turn.reason, begun, timeoutMs);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }

  /** What is under way may end; idle connections do so now. */
  close(): void {
    this.#closed = true;
    if (this.#sweeper !== null) clearTimeout(this.#sweeper);
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  async #connect(turn: Turn): Promise<Connection> {
    const { protocol, port, hostname } = this.#site;
    const { caBundle, clientCert } = this.#options.credentials;
    const address = {
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port) || (protocol === "https:" ? 443 : 80),
    };
    if (protocol === "http:") {
      const conn = await turn.connects(Deno.connect(address));
      conn.setNoDelay(true);
      return turn.uses(new Connection(conn));
    }
    const tls = await turn.connects(Deno.connectTls({
      ...address,
      alpnProtocols: ["http/1.1"],
      ...(caBundle === null ? {} : { caCerts: [caBundle] }),
      ...clientCert,
    }));
    const connection = turn.uses(new Connection(tls));
    await tls.handshake(); // over before anything counts as sent
    return connection;
  }

  #takeIdle(): Connection | null {
    for (let last = this.#idle.pop(); last !== undefined; last = this.#idle.pop()) {
      if (last.idleMs() < this.#options.idleMs) return last;
      last.close();
    }
    return null;
  }

  #keep(connection: Connection): void {
    this.#idle.push(connection);
    connection.rest(() => {
      this.#idle = this.#idle.filter((each) => each !== connection);
      connection.close();
    });
    this.#sweeper ??= setTimeout(() => this.#sweep(), this.#options.idleMs);
  }

  #sweep(): void {
    const old = this.#idle.filter((connection) => connection.idleMs() >= this.#options.idleMs);
    this.#idle = this.#idle.filter((connection) => !old.includes(connection));
    for (const connection of old) connection.close();
    this.#sweeper = this.#idle.length === 0 ? null : setTimeout(() => this.#sweep(), this.#options.idleMs);
  }
}

/** Ends a request that takes too long, or that nobody wants any more. */
class Turn {
  #reason: { readonly error: unknown } | null = null;
  #connection: Connection | null = null;
  #refuse: ((error: unknown) => void) | null = null;

  /** Why it ended; the first reason counts, what follows from it does not. */
  get reason(): unknown {
    return this.#reason?.error;
  }

  end(error: unknown): void {
    this.#reason ??= { error };
    this.#refuse?.(error);
    this.#connection?.close();
  }

  uses<C extends Connection | null>(connection: C): C {
    this.#connection = connection;
    return connection;
  }

  /** A connection that comes after the end is closed. */
  connects<C extends Deno.Conn>(connecting: Promise<C>): Promise<C> {
    return new Promise((resolve, reject) => {
      this.#refuse = reject;
      connecting.then((conn) => {
        if (this.#reason === null) resolve(conn);
        else conn.close();
      }, reject);
    });
  }
}

class Connection {
  readonly #conn: Deno.Conn;
  readonly #reader: AnswerReader;
  #idleSinceMs = 0;
  #resting = false;
  #closed = false;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
    this.#reader = new AnswerReader((into) => conn.read(into));
  }

  async ask(request: Uint8Array, maxAnswer: number): Promise<Answer> {
    this.#resting = false;
    for (let rest = request; rest.length > 0;) rest = rest.subarray(await this.#conn.write(rest));
    return await this.#reader.answer(maxAnswer);
  }

  /** Idle until the next ask(); `ended` hears when the server closes it meanwhile, or says something unasked. */
  rest(ended: () => void): void {
    this.#idleSinceMs = performance.now();
    this.#resting = true;
    const heard = () => {
      if (this.#resting) ended();
    };
    this.#reader.ahead().then(heard, heard);
  }

  idleMs(): number {
    return performance.now() - this.#idleSinceMs;
  }

  close(): void {
    this.#resting = false;
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#conn.close();
    } catch {
      // The system was quicker.
    }
  }
}

function failure(error: unknown, begun: boolean, timeoutMs: number): Exchange {
  const sent = begun ? "maybe" : "no";
  if (error instanceof TimedOut) {
    const what = begun ? "no whole answer" : "cannot connect";
    return { kind: "failed", sent, reason: `${what} within ${timeoutMs / 1000} s` };
  }
  if (error instanceof Stopped) {
    return {
      kind: "failed",
      sent,
      reason: begun ? "stopped while waiting for the answer" : "stopped while connecting",
    };
  }
  if (error instanceof Deno.errors.NotCapable) return { kind: "failed", sent, reason: "no permission (--allow-net)" };
  const detail = error instanceof Error ? error.message : String(error);
  return { kind: "failed", sent, reason: `${begun ? "connection failed" : "cannot connect"}: ${detail}` };
}
