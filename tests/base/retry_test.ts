import assert from "node:assert/strict";
import type { Clock } from "../../lib/base/clock.ts";
import { retry, retryLostRaces, type RetryOptions } from "../../lib/base/retry.ts";

function bundle(options: Partial<RetryOptions> = {}) {
  const pauses: number[] = [];
  const clock: Clock = { now: () => 0, monotonicMs: () => 0, sleep: (ms) => Promise.resolve(void pauses.push(ms)) };
  const signal = new AbortController().signal;
  const settings: RetryOptions = {
    classify: () => true,
    clock,
    signal,
    random: () => 1,
    baseMs: 100,
    maxMs: 500,
    ...options,
  };
  return { pauses, settings };
}

Deno.test("retry() doubles its pause up to the longest, until the work succeeds", async () => {
  const { pauses, settings } = bundle();
  const result = await retry((n) => n < 6 ? Promise.reject(new Error("no")) : Promise.resolve(n), settings);
  assert.equal(result, 6);
  assert.deepEqual(pauses, [100, 200, 400, 500, 500]);
});

Deno.test("retry() waits as long as classify says, and gives up when it says so", async () => {
  const { pauses, settings } = bundle({ classify: (_error, attempt) => attempt < 3 ? 1234.5 : false });
  await assert.rejects(retry((n) => Promise.reject(new Error(`attempt ${n}`)), settings), /attempt 3/);
  assert.deepEqual(pauses, [1234.5, 1234.5]);
});

Deno.test("retry() throws the last error after the given attempts", async () => {
  const { settings } = bundle({ attempts: 2 });
  await assert.rejects(retry((n) => Promise.reject(new Error(`attempt ${n}`)), settings), /attempt 2/);
});

Deno.test("retry() stops when the signal aborts during a pause", async () => {
  const controller = new AbortController();
  const { settings } = bundle({ signal: controller.signal, onRetry: () => controller.abort(new Error("stopped")) });
  let calls = 0;
  await assert.rejects(retry(() => Promise.reject(new Error(`attempt ${++calls}`)), settings), /stopped/);
  assert.equal(calls, 1);
});

Deno.test("retryLostRaces() runs a transaction again that lost a race, six times at most, and nothing else", async () => {
  const { clock } = bundle().settings;
  const failing = (code: string, times: number) => {
    let runs = 0;
    return () => ++runs <= times ? Promise.reject(Object.assign(new Error(code), { code })) : Promise.resolve(runs);
  };
  assert.equal(await retryLostRaces(failing("40P01", 5), clock), 6);
  assert.equal(await retryLostRaces(failing("40001", 1), clock), 2);
  await assert.rejects(retryLostRaces(failing("40001", 6), clock), /40001/);
  await assert.rejects(retryLostRaces(failing("23505", 1), clock), /23505/);
  assert.equal(await retryLostRaces(failing("23505", 1), clock, ["23505"]), 2);
});
