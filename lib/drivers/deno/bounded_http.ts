/*
 * Fault: Deno's own HTTP servers hold any number of silent connections until no file descriptor is left, and then stop
 *   accepting or end the process.
 * Seen in: Deno 2.9.6.
 * Upstream: none known; denoland/deno#10148 was answered by a higher limit of descriptors.
 * Delete when: Deno.serve bounds its connections and the time of a request, and goes on after a failed accept.
 */

import { createServer } from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";

/** What clients may take of the process; beyond it they are cut off. */
export interface HttpLimits {
  /** Open at a time; one more is closed at once. */
  readonly connections: number;
  /** From the connection to the end of the request's header. */
  readonly headerMs: number;
  /** From the connection to the last byte of the answer. */
  readonly totalMs: number;
}

export const HTTP_LIMITS: HttpLimits = { connections: 64, headerMs: 5_000, totalMs: 30_000 };

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface BoundedHttp extends AsyncDisposable {
  readonly port: number;
  /** Closes the listener and every connection. Idempotent. */
  shutdown(): Promise<void>;
}

interface OpenConnection {
  /** Aborts when the request's header is there. */
  readonly headerRead: AbortController;
  readonly ended: Promise<void>;
  cut(): void;
}

interface Options {
  readonly hostname: string;
  readonly port: number;
  readonly clock: Pick<Clock, "monotonicMs" | "sleep">;
  readonly log: Logger;
  readonly limits?: HttpLimits;
}

/** After an accept failed, usually for want of file descriptors: they come back when somebody closes something. */
const ACCEPT_AGAIN_MS = 1_000;
const COMPLAIN_EVERY_MS = 60_000;

/**
 * An HTTP server for a few small answers, one request a connection, that has limits and goes on after a failed accept.
 * Throws what `Deno.listen` throws.
 */
export function serveBounded(options: Options, answer: (path: string) => Promise<HttpAnswer>): BoundedHttp {
  const { clock, log, limits = HTTP_LIMITS } = options;
  const listener = Deno.listen({ hostname: options.hostname, port: options.port });
  const stop = new AbortController();
  const open = new Map<Duplex, OpenConnection>();
  const complain = complaints(clock, log);
  // Reads requests and writes answers; it never listens, connections are handed to it.
  const parser = createServer({ keepAlive: false }, (request, response) => {
    open.get(request.socket as Duplex)?.headerRead.abort();
    const path = URL.parse(request.url ?? "", "http://localhost")?.pathname ?? "";
    const respond = ({ status, contentType, body }: HttpAnswer) => {
      const bytes = new TextEncoder().encode(body);
      response.writeHead(status, {
        "content-type": contentType,
        "content-length": bytes.length,
        "connection": "close",
      });
      response.end(bytes);
    };
    answer(path).then(respond).catch((error) => {
      log.warn("Cannot answer a request to listen", { error });
      response.destroy();
    });
  });
  parser.on("clientError", (_error, socket) => socket.destroy());

  const serve = (connection: Deno.TcpConn) => {
    const socket = duplexOf(connection);
    const headerRead = new AbortController();
    const ended = new AbortController();
    const { promise, resolve } = Promise.withResolvers<void>();
    // Closed itself first: a stream waits for a write that a client who does not read never lets end.
    const cut = () => {
      close(connection);
      socket.destroy();
    };
    open.set(socket, { headerRead, ended: promise, cut });
    socket.on("error", () => {}); // a client that goes away is its own affair; "close" follows
    socket.on("close", () => {
      ended.abort();
      headerRead.abort();
      open.delete(socket);
      close(connection);
      resolve();
    });
    clock.sleep(limits.headerMs, headerRead.signal).then(() => headerRead.signal.aborted || cut());
    clock.sleep(limits.totalMs, ended.signal).then(() => ended.signal.aborted || cut());
    parser.emit("connection", socket as Socket); // any duplex stream will do, says Node's documentation
  };

  const accepting = (async () => {
    while (!stop.signal.aborted) {
      try {
        const connection = await listener.accept();
        if (open.size < limits.connections) serve(connection);
        else {
          close(connection);
          complain("Refused a connection to listen: {limit} are open", { limit: limits.connections });
        }
      } catch (error) {
        if (stop.signal.aborted) return;
        complain("Cannot accept a connection to listen, will try again", { error });
        await clock.sleep(ACCEPT_AGAIN_MS, stop.signal);
      }
    }
  })();

  const shutdown = async () => {
    if (!stop.signal.aborted) {
      stop.abort();
      listener.close();
      for (const { cut } of open.values()) cut();
    }
    await Promise.all([accepting, ...[...open.values()].map(({ ended }) => ended)]);
  };
  return { port: listener.addr.port, shutdown, [Symbol.asyncDispose]: shutdown };
}

/** Says so at most once a minute: whoever floods the port must not flood the log as well. */
function complaints(clock: Pick<Clock, "monotonicMs">, log: Logger) {
  let lastMs = -Infinity;
  return (message: string, properties: Record<string, unknown>) => {
    if (clock.monotonicMs() - lastMs < COMPLAIN_EVERY_MS) return;
    lastMs = clock.monotonicMs();
    log.warn(message, properties);
  };
}

function duplexOf(connection: Deno.TcpConn): Duplex {
  const { readable, writable } = connection;
  // Node's and Deno's names for one and the same web streams.
  return Duplex.fromWeb({ readable, writable } as unknown as Parameters<typeof Duplex.fromWeb>[0]);
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // Its stream has closed it already.
  }
}
