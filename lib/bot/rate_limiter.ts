import type { Clock } from "../base/clock.ts";
import { MICROS_PER_SECOND } from "../model/time.ts";
import type { RateLimit, SendOutcome } from "./zulip_api.ts";

/** Without headers Zulip's default is assumed to hold: 200 calls a minute, of which other users of the bot need some. */
const BLIND_INTERVAL_MS = 500;
/** Above this share of the limit nothing is slowed; below it the rest is spread over the window. */
const PLENTY = 0.25;
const LONGEST_WINDOW_MS = 60_000;

/** What is known of the server's patience; times in monotonic milliseconds. */
export interface PaceState {
  /** `null` until any answer carried X-RateLimit headers. */
  readonly seen: { readonly limit: number; readonly remaining: number; readonly windowEndsMs: number } | null;
  /** After a 429: nothing before this. */
  readonly blockedUntilMs: number;
  readonly lastStartMs: number;
}

export const UNKNOWN_PACE: PaceState = { seen: null, blockedUntilMs: -Infinity, lastStartMs: -Infinity };

/** Milliseconds until the next call may start; 0: now. */
export function nextDelayMs(state: PaceState, nowMs: number): number {
  return Math.max(0, state.blockedUntilMs - nowMs, state.lastStartMs + intervalMs(state, nowMs) - nowMs);
}

function intervalMs({ seen }: PaceState, nowMs: number): number {
  if (seen === null) return BLIND_INTERVAL_MS;
  const leftMs = seen.windowEndsMs - nowMs;
  // A window that has ended: nobody called for so long that everything is free again.
  if (leftMs <= 0 || seen.remaining > seen.limit * PLENTY) return 0;
  return leftMs / Math.max(1, seen.remaining);
}

/**
 * After an answer. `remaining` is the server's own count, so that calls of other processes of this bot slow this one too;
 * it is counted down here for calls that have begun since.
 */
export function observed(
  state: PaceState,
  rateLimit: RateLimit | null,
  outcome: SendOutcome | null,
  now: { readonly monotonicMs: number; readonly wallMs: number },
): PaceState {
  const windowMs = rateLimit === null ? 0 : rateLimit.resetS * 1000 - now.wallMs;
  return {
    ...state,
    seen: rateLimit === null ? state.seen : {
      limit: rateLimit.limit,
      remaining: rateLimit.remaining,
      // The reset is by the server's clock: where the two disagree by more than a window, a whole one is assumed.
      windowEndsMs: now.monotonicMs + (windowMs > 0 ? Math.min(windowMs, LONGEST_WINDOW_MS) : LONGEST_WINDOW_MS),
    },
    blockedUntilMs: outcome?.outcome === "rate_limited"
      ? Math.max(state.blockedUntilMs, now.monotonicMs + outcome.retryAfterMs)
      : state.blockedUntilMs,
  };
}

function started(state: PaceState, nowMs: number): PaceState {
  return {
    ...state,
    lastStartMs: nowMs,
    seen: state.seen === null ? null : { ...state.seen, remaining: Math.max(0, state.seen.remaining - 1) },
  };
}

export interface Pacer {
  /** Resolves, in the order of the calls, when the next request may start; at once and without throwing when `signal` aborts. */
  acquire(signal: AbortSignal): Promise<void>;
  /** After every answer: the headers (`ZulipApi.rateLimit()`) and, of a send, its outcome. */
  observe(rateLimit: RateLimit | null, outcome: SendOutcome | null): void;
  /** For how long Zulip still wants nothing sent (429); 0: not at all. Milliseconds. */
  heldBackMs(): number;
}

export function createPacer(clock: Clock): Pacer {
  let state = UNKNOWN_PACE;
  let last: Promise<void> = Promise.resolve();
  let waiting = 0;
  let learnt = new AbortController();
  let lastHeaders: RateLimit | null = null;

  async function waitBehind(before: Promise<void>, signal: AbortSignal): Promise<void> {
    await before;
    while (!signal.aborted) {
      const delay = nextDelayMs(state, clock.monotonicMs());
      if (delay <= 0) {
        state = started(state, clock.monotonicMs());
        return;
      }
      // An answer may tell meanwhile that there is no need to wait, or need to wait longer.
      await clock.sleep(delay, AbortSignal.any([signal, learnt.signal]));
    }
  }

  return {
    heldBackMs: () => Math.max(0, state.blockedUntilMs - clock.monotonicMs()),
    acquire: (signal) => {
      if (signal.aborted) return Promise.resolve();
      if (waiting === 0 && nextDelayMs(state, clock.monotonicMs()) <= 0) {
        state = started(state, clock.monotonicMs());
        return Promise.resolve();
      }
      waiting++;
      last = waitBehind(last, signal).finally(() => waiting--);
      return last;
    },
    observe: (rateLimit, outcome) => {
      const wallMs = clock.now() / (MICROS_PER_SECOND / 1000);
      // An answer without headers (a proxy's 502, a 401) leaves the last ones in place: they begin no new window.
      const headers = rateLimit === lastHeaders ? null : rateLimit;
      lastHeaders = rateLimit;
      state = observed(state, headers, outcome, { monotonicMs: clock.monotonicMs(), wallMs });
      if (waiting === 0) return;
      const told = learnt;
      learnt = new AbortController();
      told.abort();
    },
  };
}
