import type { Logger } from "@logtape/logtape";
import type { Credentials } from "./credentials.ts";
import { type Exchange, Stopped, TimedOut, transportFailure } from "./exchange.ts";

/** Takes the body of a good answer piece by piece; `text()` is what the exchange shows of it. What `take` throws makes it unreadable. */
export interface BodySink {
  take(bytes: Uint8Array): void;
  text(): string;
}

export interface ZulipHttp {
  get(path: string, query: Record<string, string>, signal: AbortSignal | undefined, sink?: BodySink): Promise<Exchange>;
  post(path: string, form: Record<string, string>, signal: AbortSignal | undefined): Promise<Exchange>;
  close(): void;
}

export interface ZulipHttpOptions {
  readonly credentials: Credentials;
  readonly userAgent: string;
  readonly timeoutMs: number;
  readonly log: Logger;
  /** Hears how long each request took, in seconds, answered or not. */
  readonly onRequest?: ((method: string, seconds: number) => void) | undefined;
}

/** An answer to POST /messages is a hundred bytes, a page of 1000 long messages or a list of 100,000 users tens of megabytes. */
const MAX_POST_ANSWER = 1 << 20;
const MAX_GET_ANSWER = 256 << 20;
/** Far below any server's keep-alive timeout, so that a send hardly ever meets a connection that is being closed. */
const POOL_IDLE_MS = 1000;
const FORM = "application/x-www-form-urlencoded";
const NOT_BEGUN: Exchange = { kind: "failed", sent: "no", reason: "stopped before the request" };

/**
 * Requests to one Zulip server. Every request has one time limit that covers its answer's body too; redirects are never followed.
 *
 * Deno's fetch (seen in 2.9.6) silently sends a request again when its pooled connection closes, also after the server read it,
 * but only if it can copy the body. The body of a POST is therefore a Blob, which fetch reads as a stream: it cannot be sent twice,
 * has a Content-Length (a bare stream would become chunked), and keep-alive stays possible. tests/bot/send_once_test.ts holds it.
 */
export function createZulipHttp(options: ZulipHttpOptions): ZulipHttp {
  const { credentials, log } = options;
  const client = Deno.createHttpClient({
    http2: false, // with HTTP/2 a server may ask for another try (REFUSED_STREAM, GOAWAY) below our eyes
    poolIdleTimeout: POOL_IDLE_MS,
    ...(credentials.caBundle === null ? {} : { caCerts: [credentials.caBundle] }),
    ...(credentials.clientCert === null ? {} : credentials.clientCert),
  });
  const headers = {
    "Authorization": `Basic ${btoa(`${credentials.email}:${credentials.key}`)}`,
    "User-Agent": options.userAgent,
    "Accept": "application/json",
  };

  async function exchange(
    path: string,
    init: RequestInit,
    limit: number,
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
        ? drainBody(response, limit, sink)
        : readBody(response, limit);
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
      return logged("GET", path, exchange(whole, { method: "GET", headers }, MAX_GET_ANSWER, signal, sink));
    },
    post: (path, form, signal) => {
      if (signal?.aborted) return Promise.resolve(NOT_BEGUN);
      const init = { method: "POST", body: new Blob([formEncoded(form)], { type: FORM }), headers };
      return logged("POST", path, exchange(path, init, MAX_POST_ANSWER, signal));
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
  // The quick way for an answer that says how long it is (a decompressed one does not).
  const announced = response.headers.get("Content-Length");
  if (announced !== null && Number(announced) <= limit) return await response.text();
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
