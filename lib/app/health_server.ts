import type { Clock } from "../ops/clock.ts";
import { CommandError } from "../ops/errors.ts";
import type { Metrics } from "../ops/metrics.ts";

/** What `/readyz` is answered from. */
export class Health {
  #lastGoodMs: number | null = null;
  #standby = false;
  #refused = false;

  constructor(private readonly clock: Clock, private readonly intervalMs: number) {}

  /** A poll ended well, or this process stands by for one that polls. */
  good(standby: boolean): void {
    // Standing by for another process says nothing about an address that this one may not poll.
    if (standby && this.#refused) return;
    this.#refused = false;
    this.#lastGoodMs = this.clock.monotonicMs();
    this.#standby = standby;
  }

  /** The LMS waits for somebody to confirm it: not ready, however short ago a poll ended well. */
  refused(): void {
    this.#lastGoodMs = null;
    this.#refused = true;
  }

  /** Ready when the last good poll is at most three intervals (and at least 30 s) ago. */
  status(): { readonly ready: boolean; readonly role: string; readonly lastGoodAgeS: number | null } {
    const ageMs = this.#lastGoodMs === null ? null : this.clock.monotonicMs() - this.#lastGoodMs;
    return {
      ready: ageMs !== null && ageMs <= Math.max(3 * this.intervalMs, 30_000),
      role: this.#standby ? "standby" : "polling",
      lastGoodAgeS: ageMs === null ? null : Math.round(ageMs / 1000),
    };
  }
}

/**
 * Serves `/livez`, `/readyz` and `/metrics`; port 0 takes a free one. Nothing in it is personal or secret. Throws CommandError
 * when the address cannot be had.
 */
export function serveHealth(listen: { host: string; port: number }, health: Health, metrics: Metrics): Deno.HttpServer {
  try {
    return Deno.serve(
      { hostname: listen.host, port: listen.port, onListen: () => {} },
      (request) => answer(request, health, metrics),
    );
  } catch (error) {
    const why = error instanceof Deno.errors.AddrInUse
      ? "another process uses this port"
      : error instanceof Deno.errors.AddrNotAvailable
      ? "this machine has no such address"
      : error instanceof Deno.errors.PermissionDenied
      ? "this user may not use this port"
      : error instanceof Error
      ? error.message
      : String(error);
    throw new CommandError(`Cannot listen on ${listen.host}:${listen.port}: ${why}`, {
      cause: error,
      hint: "name another address in `listen` or --listen; null listens nowhere",
    });
  }
}

async function answer(request: Request, health: Health, metrics: Metrics): Promise<Response> {
  switch (new URL(request.url).pathname) {
    case "/livez":
      return new Response("alive\n");
    case "/readyz": {
      const status = health.status();
      return Response.json(status, { status: status.ready ? 200 : 503 });
    }
    case "/metrics":
      return new Response(await metrics.registry.metrics(), {
        headers: { "content-type": metrics.registry.contentType },
      });
    default:
      return new Response("not found: /livez, /readyz, /metrics\n", { status: 404 });
  }
}
