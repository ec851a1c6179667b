import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";

Deno.test("systemClock.sleep() ends when its signal aborts, also for more than a timer can hold", async () => {
  for (const ms of [60_000, 2 ** 31 + 5, Infinity]) {
    const stop = new AbortController();
    const began = performance.now();
    const sleep = systemClock.sleep(ms, stop.signal);
    await Promise.resolve(); // a timer of more than 31 bits would fire at once
    assert.equal(await Promise.race([sleep.then(() => "woke"), systemClock.sleep(5).then(() => "asleep")]), "asleep");
    stop.abort();
    await sleep;
    assert(performance.now() - began < 10_000);
  }
});
