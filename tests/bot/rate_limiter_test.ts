import assert from "node:assert/strict";
import type { Clock } from "../../lib/base/clock.ts";
import { createPacer, nextDelayMs, observed, type PaceState, UNKNOWN_PACE } from "../../lib/bot/rate_limiter.ts";
import type { RateLimit } from "../../lib/bot/zulip_api.ts";

const START_S = 1_790_000_000;

/** Time that passes only by sleeping: whoever sleeps moves it, in order of due times. */
function sleepingClock(): Clock & { readonly elapsedMs: number } {
  let elapsed = 0;
  return {
    get elapsedMs() {
      return elapsed;
    },
    now: () => Math.round((START_S * 1000 + elapsed) * 1000),
    monotonicMs: () => elapsed,
    sleep: (ms, signal) => {
      if (!signal?.aborted) elapsed += ms;
      return Promise.resolve();
    },
  };
}

const never = new AbortController().signal;
const state = (more: Partial<PaceState>): PaceState => ({ ...UNKNOWN_PACE, ...more });
const headers = (remaining: number, resetInS = 60, limit = 200): RateLimit => ({
  limit,
  remaining,
  resetS: START_S + resetInS,
});

Deno.test("nextDelayMs() starts the first call at once and keeps to 2 a second while no headers were seen", () => {
  assert.equal(nextDelayMs(UNKNOWN_PACE, 0), 0);
  assert.equal(nextDelayMs(state({ lastStartMs: 1000 }), 1000), 500);
  assert.equal(nextDelayMs(state({ lastStartMs: 1000 }), 1500), 0);
});

Deno.test("nextDelayMs() slows nothing while much remains and spreads the rest over the window when little does", () => {
  const seen = (remaining: number) => state({ seen: { limit: 200, remaining, windowEndsMs: 60_000 }, lastStartMs: 0 });
  assert.equal(nextDelayMs(seen(199), 0), 0);
  assert.equal(nextDelayMs(seen(51), 0), 0);
  assert.equal(nextDelayMs(seen(50), 0), 1200);
  assert.equal(nextDelayMs(seen(1), 0), 60_000);
  assert.equal(nextDelayMs(seen(0), 0), 60_000);
  assert.equal(nextDelayMs(seen(0), 60_000), 0);
});

Deno.test("observed() waits as long as a 429 says, and forgets no longer wait for a shorter one", () => {
  const now = { monotonicMs: 1000, wallMs: START_S * 1000 };
  const first = observed(UNKNOWN_PACE, null, { outcome: "rate_limited", retryAfterMs: 28_707 }, now);
  assert.equal(nextDelayMs(first, 1000), 28_707);
  const second = observed(first, null, { outcome: "rate_limited", retryAfterMs: 500 }, now);
  assert.equal(nextDelayMs(second, 1000), 28_707);
});

Deno.test("observed() assumes a whole window when the server's clock is off", () => {
  for (const skewS of [-100_000, -61, 100_000]) {
    const after = observed(UNKNOWN_PACE, headers(10, skewS), null, { monotonicMs: 0, wallMs: START_S * 1000 });
    assert.equal(after.seen?.windowEndsMs, 60_000);
  }
});

Deno.test("acquire() gives 2 a second without headers, in order", async () => {
  const clock = sleepingClock();
  const pacer = createPacer(clock);
  const order: number[] = [];
  await Promise.all([1, 2, 3, 4, 5].map((i) => pacer.acquire(never).then(() => order.push(i))));
  assert.deepEqual(order, [1, 2, 3, 4, 5]);
  assert.equal(clock.elapsedMs, 2000);
});

Deno.test("acquire() costs no time under a huge limit", async () => {
  const clock = sleepingClock();
  const pacer = createPacer(clock);
  await pacer.acquire(never);
  for (let i = 0; i < 10_000; i++) {
    pacer.observe(headers(1_000_000 - i, 60, 1_000_000), { outcome: "sent", zulipMessageId: "1" });
    await pacer.acquire(never);
  }
  assert.equal(clock.elapsedMs, 0);
});

Deno.test("acquire() is woken by an answer that shows that there is no need to wait", async () => {
  let slept = 0;
  const clock: Clock = {
    now: () => START_S * 1_000_000,
    monotonicMs: () => 0,
    sleep: (_ms, signal) => {
      slept++;
      return new Promise((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true }));
    },
  };
  const pacer = createPacer(clock);
  await pacer.acquire(never);
  const waiting = [pacer.acquire(never), pacer.acquire(never), pacer.acquire(never)];
  await Promise.resolve();
  await Promise.resolve();
  assert.equal(slept, 1);
  pacer.observe(headers(190), null);
  await Promise.all(waiting);
  assert.equal(slept, 1);
});

Deno.test("acquire() ends at once when it is stopped, and lets those behind it go on", async () => {
  const clock = sleepingClock();
  const pacer = createPacer(clock);
  await pacer.acquire(never);
  const stop = new AbortController();
  const stopped = pacer.acquire(stop.signal);
  const behind = pacer.acquire(never);
  stop.abort();
  await Promise.all([stopped, behind, pacer.acquire(stop.signal)]);
  assert.ok(clock.elapsedMs <= 1000);
});

for (const others of [0, 1, 2]) {
  Deno.test(`createPacer() keeps a busy bot free of 429 while ${others} others call as often`, async () => {
    const clock = sleepingClock();
    const pacer = createPacer(clock);
    const calls: number[] = [];
    let refused = 0;
    const call = (own: boolean): RateLimit => {
      while ((calls[0] ?? Infinity) <= clock.elapsedMs - 60_000) calls.shift();
      if (calls.length < 200) calls.push(clock.elapsedMs);
      else if (own) refused++;
      return {
        limit: 200,
        remaining: 200 - calls.length,
        resetS: START_S + Math.floor(((calls.at(-1) ?? 0) + 60_000) / 1000),
      };
    };
    let sent = 0;
    for (; clock.elapsedMs < 600_000; sent++) {
      await pacer.acquire(never);
      const answer = call(true);
      for (let i = 0; i < others; i++) call(false);
      pacer.observe(answer, { outcome: "sent", zulipMessageId: "1" });
    }
    assert.equal(refused, 0);
    assert.ok(sent * (1 + others) > 10 * 100, `${sent} calls in ten minutes use too little of 2000`);
  });
}

Deno.test("observe() begins no new window for an answer without headers", async () => {
  const clock = sleepingClock();
  const pacer = createPacer(clock);
  await pacer.acquire(never);
  const last = headers(10);
  pacer.observe(last, null);
  await clock.sleep(61_000); // the window is over
  pacer.observe(last, { outcome: "unknown", reason: "HTTP 502" });
  const before = clock.elapsedMs;
  await pacer.acquire(never);
  await pacer.acquire(never);
  assert.equal(clock.elapsedMs, before);
});
