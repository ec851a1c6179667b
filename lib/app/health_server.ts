import { type BoundedHttp, type HttpAnswer, type HttpLimits, serveBounded } from "../drivers/deno/bounded_http.ts";
import type { Clock } from "../base/clock.ts";
import { CommandError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { Metrics } from "../base/metrics.ts";
import { toJson } from "../base/output.ts";

/** From here on being asked to wait is being blocked. */
const LONG_WAIT_MS = 30_000;

/** What `/readyz` is answered from. */
export class Health {
  #lastGoodMs: number | null = null;
  #standby = false;
  #refused = false;
  #isOff = false;
  #blocked: string | null = null;
  #heldBackMs: () => number = () => 0;

  constructor(private readonly clock: Clock, private intervalMs: number) {}

  /** Nothing can be sent, as far as the last round says. */
  get isBlocked(): boolean {
    return this.#blocked !== null;
  }

  /** The interval is another one from now on. */
  pollsEvery(intervalMs: number): void {
    this.intervalMs = intervalMs;
  }

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

  /** Somebody confirmed it, and another process polls it: this one stands by. */
  confirmed(): void {
    this.#refused = false;
    this.good(true);
  }

  /** `enabled: false`: nobody is to look for what keeps it from polling. */
  switchedOff(): void {
    this.#isOff = true;
    this.#blocked = "lmsmon is switched off (enabled: false)";
  }

  /** Why nothing can be sent; `null`: it can. */
  delivery(blocked: string | null): void {
    this.#blocked = blocked;
  }

  /** For how long Zulip still wants nothing sent: a round waits for that, and says nothing meanwhile. */
  pacedBy(heldBackMs: () => number): void {
    this.#heldBackMs = heldBackMs;
  }

  /** Ready when the last good poll is at most three intervals (and at least 30 s) ago, and messages can leave. */
  status(): HealthStatus {
    const ageMs = this.#lastGoodMs === null ? null : this.clock.monotonicMs() - this.#lastGoodMs;
    const polls = ageMs !== null && ageMs <= Math.max(3 * this.intervalMs, 30_000);
    const blocked = this.#blocked ?? this.#whyHeldBack();
    return {
      ready: polls && blocked === null,
      reason: polls || this.#isOff ? blocked : this.#whyNoPoll(ageMs),
      role: this.#isOff ? "off" : this.#standby ? "standby" : "polling",
      delivery: blocked === null ? "open" : "blocked",
      lastGoodAgeS: ageMs === null ? null : Math.round(ageMs / 1000),
    };
  }

  /** Short waits are the usual pace. */
  #whyHeldBack(): string | null {
    const ms = this.#heldBackMs();
    return ms < LONG_WAIT_MS
      ? null
      : `delivery is blocked: Zulip asks to be left alone for another ${Math.ceil(ms / 1000)} s (HTTP 429)`;
  }

  #whyNoPoll(ageMs: number | null): string {
    if (this.#refused) return "the LMS behind lms.url waits to be confirmed: lmsmon doctor shows it";
    if (ageMs === null) return "no poll has ended well yet";
    return `no poll has ended well for ${Math.round(ageMs / 1000)} s`;
  }
}

/** What `/readyz` answers. */
export interface HealthStatus {
  readonly ready: boolean;
  /** Why not, in words; `null` when ready. */
  readonly reason: string | null;
  readonly role: "standby" | "polling" | "off";
  readonly delivery: "open" | "blocked";
  /** Since the last poll that ended well, of this process or the one that it stands by for. */
  readonly lastGoodAgeS: number | null;
}

/** Where to listen, and how much of it clients may take. */
export interface HealthOptions {
  readonly host: string;
  readonly port: number;
  readonly clock: Pick<Clock, "monotonicMs" | "sleep">;
  readonly limits?: HttpLimits;
}

/**
 * Serves `/livez`, `/readyz` and `/metrics`; port 0 takes a free one. Nothing in it is personal or secret. Throws CommandError
 * when the address cannot be had.
 */
export function serveHealth(listen: HealthOptions, health: Health, metrics: Metrics): BoundedHttp {
  try {
    return serveBounded(
      { ...listen, hostname: listen.host, log: logger("listen") },
      (path) => answer(path, health, metrics),
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

async function answer(path: string, health: Health, metrics: Metrics): Promise<HttpAnswer> {
  switch (path) {
    case "/livez":
      return text(200, "alive\n");
    case "/readyz": {
      const status = health.status();
      return { ...text(status.ready ? 200 : 503, toJson(status)), contentType: "application/json" };
    }
    case "/metrics":
      return { ...text(200, await metrics.registry.metrics()), contentType: metrics.registry.contentType };
    default:
      return text(404, "not found: /livez, /readyz, /metrics\n");
  }
}

const text = (status: number, body: string): HttpAnswer => ({ status, contentType: "text/plain;charset=UTF-8", body });
