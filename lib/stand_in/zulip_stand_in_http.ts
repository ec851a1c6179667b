/**
 * HTTP/1.1 as far as a stand-in needs it, on bare TCP: only so can an answer be cut, trickled or replaced by a closed connection,
 * and it is the fastest way (a benchmark of deliveries must not measure its stand-in).
 */
export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface HttpReply {
  readonly status: number;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  /** `truncate`: half of the body, then the connection closes; `trickle`: a byte at a time, `trickleMs` apart. */
  readonly wire?: "whole" | "truncate" | "trickle";
  readonly trickleMs?: number;
  /** Waits before the first byte of the answer. */
  readonly delayMs?: number;
}

/** `reset`: the connection ends without an answer. */
export type HttpOutcome = HttpReply | "reset";
export type HttpHandler = (request: HttpRequest) => HttpOutcome | Promise<HttpOutcome>;

export interface HttpListener {
  readonly port: number;
  /** Ends listening and every connection; resolves when nothing of it is left. */
  close(): Promise<void>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const MAX_BODY = 25 << 20; // nginx's client_max_body_size in Zulip

export function listenHttp(port: number, handler: HttpHandler): HttpListener {
  const listener = Deno.listen({ hostname: "127.0.0.1", port, transport: "tcp" });
  const stopped = new AbortController();
  const connections = new Set<Deno.Conn>();
  const running = new Set<Promise<void>>();

  const accepting = (async () => {
    for await (const connection of listener) {
      connections.add(connection);
      const task = serve(connection, handler, stopped.signal)
        .catch(() => {}) // the client went away
        .finally(() => {
          connections.delete(connection);
          running.delete(task);
          closeQuietly(connection);
        });
      running.add(task);
    }
  })().catch(() => {});

  return {
    port: listener.addr.port,
    close: async () => {
      stopped.abort();
      closeQuietly(listener);
      for (const connection of connections) closeQuietly(connection);
      await accepting;
      await Promise.all(running);
    },
  };
}

export function json(status: number, value: unknown): HttpReply {
  return { status, contentType: "application/json", body: JSON.stringify(value) };
}

export function html(status: number, title: string): HttpReply {
  return {
    status,
    contentType: "text/html; charset=utf-8",
    body: `<!DOCTYPE html><html><head><title>${status} ${title}</title></head><body><h1>${title}</h1></body></html>`,
  };
}

async function serve(connection: Deno.TcpConn, handler: HttpHandler, stopped: AbortSignal): Promise<void> {
  connection.setNoDelay(true);
  const reader = new RequestReader(connection);
  for (let request = await reader.next(); request !== null; request = await reader.next()) {
    const reply = await handler(request);
    if (reply === "reset") return;
    if (reply.delayMs !== undefined) await pause(reply.delayMs, stopped);
    if (stopped.aborted) return;
    const bytes = encodeReply(reply);
    if (reply.wire === "truncate") {
      await writeAll(connection, bytes.subarray(0, bytes.length - Math.ceil(encoder.encode(reply.body).length / 2)));
      return;
    }
    if (reply.wire === "trickle") {
      for (let at = 0; at < bytes.length && !stopped.aborted; at++) {
        await writeAll(connection, bytes.subarray(at, at + 1));
        await pause(reply.trickleMs ?? 100, stopped);
      }
    } else {
      await writeAll(connection, bytes);
    }
    if (request.headers.get("connection")?.toLowerCase() === "close") return;
  }
}

class RequestReader {
  readonly #connection: Deno.Conn;
  readonly #chunk = new Uint8Array(16_384);
  #pending: Uint8Array = new Uint8Array(0);

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** `null` when the client closed the connection. */
  async next(): Promise<HttpRequest | null> {
    let end = indexOfBlankLine(this.#pending);
    while (end < 0) {
      if (this.#pending.length > 65_536) throw new RangeError("Head too long");
      if (!await this.#more()) return null;
      end = indexOfBlankLine(this.#pending);
    }
    const [requestLine = "", ...lines] = decoder.decode(this.#pending.subarray(0, end)).split("\r\n");
    this.#pending = this.#pending.subarray(end + 4);
    const headers = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(":");
      headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    const [method = "", target = "/"] = requestLine.split(" ");
    const question = target.indexOf("?");
    const body = headers.get("transfer-encoding")?.toLowerCase() === "chunked"
      ? await this.#chunked()
      : await this.#exactly(Number(headers.get("content-length") ?? 0));
    return {
      method,
      path: question < 0 ? target : target.slice(0, question),
      query: new URLSearchParams(question < 0 ? "" : target.slice(question + 1)),
      headers,
      body: decoder.decode(body),
    };
  }

  async #more(): Promise<boolean> {
    const count = await this.#connection.read(this.#chunk);
    if (count === null) return false;
    const joined = new Uint8Array(this.#pending.length + count);
    joined.set(this.#pending);
    joined.set(this.#chunk.subarray(0, count), this.#pending.length);
    this.#pending = joined;
    return true;
  }

  async #exactly(length: number): Promise<Uint8Array> {
    if (!(length >= 0 && length <= MAX_BODY)) throw new RangeError("Body too long");
    while (this.#pending.length < length) {
      if (!await this.#more()) throw new Deno.errors.UnexpectedEof();
    }
    const body = this.#pending.slice(0, length);
    this.#pending = this.#pending.subarray(length);
    return body;
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#pending.indexOf(10);
      if (end >= 0) return decoder.decode(await this.#exactly(end + 1)).trim();
      if (!await this.#more()) throw new Deno.errors.UnexpectedEof();
    }
  }

  async #chunked(): Promise<Uint8Array> {
    const parts: number[] = [];
    for (;;) {
      const size = Number.parseInt(await this.#line(), 16);
      parts.push(...await this.#exactly(size));
      await this.#line();
      if (size === 0) return new Uint8Array(parts);
    }
  }
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  404: "Not Found",
  405: "Method Not Allowed",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

function encodeReply(reply: HttpReply): Uint8Array {
  let extra = "";
  for (const [name, value] of Object.entries(reply.headers ?? {})) extra += `${name}: ${value}\r\n`;
  const length = encoder.encode(reply.body).length;
  return encoder.encode(
    `HTTP/1.1 ${reply.status} ${REASONS[reply.status] ?? "Status"}\r\nContent-Type: ${reply.contentType}\r\n` +
      `Content-Length: ${length}\r\n${extra}\r\n${reply.body}`,
  );
}

function indexOfBlankLine(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(13); at >= 0; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at;
  }
  return -1;
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
}

function pause(ms: number, stopped: AbortSignal): Promise<void> {
  if (stopped.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      stopped.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    stopped.addEventListener("abort", done);
  });
}

function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // Closed already, by the other side's doing.
  }
}

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (n: number) => String(n).padStart(2, "0");

let last = { second: NaN, headers: { Date: "" } };

/** The `Date` that every HTTP server sends; made once a second. */
export function dateHeader(nowMs: number): { readonly Date: string } {
  const second = Math.floor(nowMs / 1000);
  if (second !== last.second) {
    const at = Temporal.Instant.fromEpochMilliseconds(second * 1000).toZonedDateTimeISO("UTC");
    const text = `${DAYS[at.dayOfWeek - 1]}, ${two(at.day)} ${MONTHS[at.month - 1]} ${at.year} ` +
      `${two(at.hour)}:${two(at.minute)}:${two(at.second)} GMT`;
    last = { second, headers: { Date: text } };
  }
  return last.headers;
}
