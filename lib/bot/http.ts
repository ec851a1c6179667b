import type { Logger } from "@logtape/logtape";
import { bodySentOnce } from "../drivers/deno/body_sent_once.ts";
import type { Credentials } from "./credentials.ts";
import { type Exchange, Stopped, TimedOut, transportFailure } from "./http_exchange.ts";

/** Takes the body of a good answer piece by piece; `text()` is what the exchange shows of it. What `take` throws makes it unreadable. */
export interface BodySink {
  take(bytes: Uint8Array): void;
  text(): string;
}

export interface ZulipHttp {
  get(path: string, query: Record<string, string>, signal: AbortSignal | undefined, sink?: BodySink): Promise<Exchange>;
  post(path: string, form: Record<string, string>, signal: AbortSignal | undefined): Promise<Exchange>;
  delete(path: string, signal: AbortSignal | undefined): Promise<Exchange>;
  close(): void;
}

export interface ZulipHttpOptions {
  readonly credentials: Credentials;
  readonly userAgent: string;
  readonly timeoutMs: number;
  readonly log: Logger;
  /** Hears how long each request took, in seconds, answered or not. */
  readonly onRequest?: ((method: string, seconds: number) => void) | undefined;
  /** How long a connection is kept for the next request; default a second. */
  readonly idleMs?: number | undefined;
}

/**
 * Unpacked, as it lies in memory: half a megabyte of gzip can be half a gigabyte. A list is read item by item (ItemReader has their
 * cap), a page holds 1000 long messages at most, and everything else is a few hundred bytes.
 */
const MOST_OF = { small: 1 << 20, page: 32 << 20, list: 256 << 20 } as const;
const PAGES: readonly string[] = ["messages"];
/** Asked before anything is known of what answers there: nobody has to log in for it, so nobody gets the key. */
const WITHOUT_KEY: readonly string[] = ["server_settings"];
/** Far below any server's keep-alive timeout, so that a send hardly ever meets a connection that is being closed. */
const POOL_IDLE_MS = 1000;
const FORM = "application/x-www-form-urlencoded";
const NOT_BEGUN: Exchange = { kind: "failed", sent: "no", reason: "stopped before the request" };

/**
 * Requests to one Zulip server. Every request has one time limit that covers its answer's body too; redirects are never followed.
 * A POST is sent once, whatever becomes of its connection (`bodySentOnce`).
 */
export function createZulipHttp(options: ZulipHttpOptions): ZulipHttp {
  const { credentials, log } = options;
  const client = Deno.createHttpClient({
    http2: false, // with HTTP/2 a server may ask for another try (REFUSED_STREAM, GOAWAY), which we would not see
    poolIdleTimeout: options.idleMs ?? POOL_IDLE_MS,
    ...(credentials.caBundle === null ? {} : { caCerts: [credentials.caBundle] }),
    ...(credentials.clientCert === null ? {} : credentials.clientCert),
  });
  const anonymous = {
    "User-Agent": options.userAgent,
    "Accept": "application/json",
  };
  const headers = { ...anonymous, "Authorization": `Basic ${btoa(`${credentials.email}:${credentials.key}`)}` };

  async function exchange(
    path: string,
    init: RequestInit,
    size: keyof typeof MOST_OF,
    signal?: AbortSignal,
    sink?: BodySink,
  ): Promise<Exchange> {
    const aborter = new AbortController();
    // A timer of our own, cleared with the request: AbortSignal.timeout would keep thousands of them alive in a burst.
    const timer = setTimeout(() => aborter.abort(new TimedOut()), options.timeoutMs);
    const stop = () => aborter.abort(new Stopped());
    signal?.addEventListener("abort", stop, { once: true });
    try {
      const response = await fetch(`${credentials.site}/api/v1/${path}`, {
        ...init,
        redirect: "manual",
        client,
        signal: aborter.signal,
      });
      const body = sink !== undefined && response.status === 200
        ? drainBody(response, MOST_OF[size], sink)
        : readBody(response, MOST_OF[response.status === 200 && size === "page" ? size : "small"]);
      const text = await body.catch(() => null);
      return { kind: "answered", status: response.status, headers: response.headers, text };
    } catch (error) {
      return transportFailure(error, options.timeoutMs);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }

  async function logged(method: string, path: string, exchanging: Promise<Exchange>): Promise<Exchange> {
    const started = performance.now();
    const result = await exchanging;
    options.onRequest?.(method, (performance.now() - started) / 1000);
    if (result.kind === "answered" && log.isEnabledFor("debug")) {
      const ms = Math.round(performance.now() - started);
      log.debug("{method} /{path} answered {status}", { method, path, status: result.status, ms });
    }
    return result;
  }

  return {
    get: (path, query, signal, sink) => {
      if (signal?.aborted) return Promise.resolve(NOT_BEGUN);
      const search = new URLSearchParams(query).toString();
      const whole = search === "" ? path : `${path}?${search}`;
      const init = { method: "GET", headers: WITHOUT_KEY.includes(path) ? anonymous : headers };
      const size = sink !== undefined ? "list" : PAGES.includes(path) ? "page" : "small";
      return logged("GET", path, exchange(whole, init, size, signal, sink));
    },
    post: (path, form, signal) => {
      if (signal?.aborted) return Promise.resolve(NOT_BEGUN);
      const init = { method: "POST", body: bodySentOnce(formEncoded(form), FORM), headers };
      return logged("POST", path, exchange(path, init, "small", signal));
    },
    delete: (path, signal) => {
      if (signal?.aborted) return Promise.resolve(NOT_BEGUN);
      return logged("DELETE", path, exchange(path, { method: "DELETE", headers }, "small", signal));
    },
    close: () => client.close(),
  };
}

/** As URLSearchParams would, which takes ten times as long for a message (and writes spaces as `+`). */
function formEncoded(form: Record<string, string>): string {
  return Object.entries(form)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value.toWellFormed())}`).join("&");
}

async function readBody(response: Response, limit: number): Promise<string> {
  if (response.body === null) return "";
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    length += chunk.length;
    if (length > limit) throw new RangeError("answer too long"); // leaving the loop cancels the body
    chunks.push(chunk);
  }
  const whole = chunks.length === 1 ? chunks[0] : concat(chunks, length);
  return new TextDecoder().decode(whole);
}

async function drainBody(response: Response, limit: number, sink: BodySink): Promise<string> {
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > limit) throw new RangeError("answer too long");
    sink.take(chunk);
  }
  return sink.text();
}

function concat(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
