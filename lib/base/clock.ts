import { type EpochMicros, fromInstant } from "../model/time.ts";

/** Time as an edge: programs get the system's, tests one they move by hand. */
export interface Clock {
  /** Wall clock. May step; only for what people read and for due times. */
  now(): EpochMicros;
  /** Milliseconds that never step; for claims, timeouts and intervals. */
  monotonicMs(): number;
  /** Resolves after `ms` milliseconds, or at once (without throwing) when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => fromInstant(Temporal.Now.instant()),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    // A timer holds 31 bits of milliseconds (24 days) and fires at once beyond that.
    for (; ms > LONGEST_TIMER_MS && !signal?.aborted; ms -= LONGEST_TIMER_MS) await timer(LONGEST_TIMER_MS, signal);
    await timer(ms, signal);
  },
};

const LONGEST_TIMER_MS = 2 ** 31 - 1;

function timer(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => {
    clearTimeout(id);
    signal?.removeEventListener("abort", done);
    resolve();
  };
  const id = setTimeout(done, Math.max(0, ms));
  signal?.addEventListener("abort", done, { once: true });
  return promise;
}
