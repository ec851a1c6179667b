import type { Clock } from "../ops/clock.ts";
import type { Metrics } from "../ops/metrics.ts";

/** What `/readyz` is answered from. */
export class Health {
  #lastGoodMs: number | null = null;
  #standby = false;

  constructor(private readonly clock: Clock, private readonly intervalMs: number) {}

  /** A poll ended well, or this process stands by for one that polls. */
  good(standby: boolean): void {
    this.#lastGoodMs = this.clock.monotonicMs();
    this.#standby = standby;
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

/** Serves `/livez`, `/readyz` and `/metrics`; port 0 takes a free one. Nothing in it is personal or secret. */
export function serveHealth(listen: { host: string; port: number }, health: Health, metrics: Metrics): Deno.HttpServer {
  return Deno.serve({ hostname: listen.host, port: listen.port, onListen: () => {} }, async (request) => {
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
  });
}
