import assert from "node:assert/strict";
import fc from "fast-check";
import { describePeriod, passCostMs, passPeriodMs, rememberCost } from "../../lib/poll/pass_policy.ts";

const TEN_MINUTES = 600_000;
const settings = (intervalMs: number, fullPassMs = TEN_MINUTES) => ({ intervalMs, fullPassMs });

Deno.test("P1: a full pass that costs 100 ms or 2 % of the interval is part of every poll, a dearer one comes as 2 % allows", () => {
  assert.equal(passPeriodMs(100, settings(2_000)), 0);
  assert.equal(passPeriodMs(101, settings(2_000)), 5_050);
  assert.equal(passPeriodMs(1_200, settings(60_000)), 0);
  assert.equal(passPeriodMs(1_201, settings(60_000)), 60_050);
  assert.equal(passPeriodMs(30_000, settings(60_000)), TEN_MINUTES, "and never later than poll.full_pass");
  assert.equal(passPeriodMs(null, settings(60_000)), 0, "what was never measured is measured by the next poll");
  assert.equal(passPeriodMs(5_000, settings(2_000, 1_000)), 0, "a poll.full_pass below the interval is every poll");
});

Deno.test("P1: between two full passes the LMS rests 98 % of the time, unless poll.full_pass or a small cost allows more", () => {
  const ms = (max: number) => fc.double({ min: 0, max, noNaN: true });
  fc.assert(fc.property(ms(100_000), fc.integer({ min: 1, max: 3_600_000 }), (costMs, intervalMs) => {
    const periodMs = passPeriodMs(costMs, settings(intervalMs));
    const everyMs = Math.max(periodMs, intervalMs);
    assert.ok(
      costMs <= 100 || costMs <= 0.02 * everyMs + 1e-6 || periodMs === TEN_MINUTES || intervalMs >= TEN_MINUTES,
    );
    assert.ok(periodMs <= TEN_MINUTES);
  }));
});

Deno.test("P1: a slow first pass of a process says nothing, a quick one does; later ones count by the lowest of three", () => {
  const s = settings(2_000);
  assert.deepEqual(rememberCost([], 250, true, s), []);
  assert.deepEqual(rememberCost([12], 250, true, s), [12]);
  assert.deepEqual(rememberCost([], 90, true, s), [90]);
  let costs: readonly number[] = [];
  for (const ms of [20, 300, 300]) costs = rememberCost(costs, ms, false, s);
  assert.equal(passCostMs(costs), 20, "one quick pass: the slow ones met something else");
  assert.equal(passCostMs(rememberCost(costs, 310, false, s)), 300, "three slow ones in a row: the tables have grown");
  assert.equal(passCostMs([]), null);
});

Deno.test("the period of full passes in words", () => {
  assert.deepEqual([0, 5_050, TEN_MINUTES].map(describePeriod), ["in every poll", "every 5 s", "every 600 s"]);
});
