import assert from "node:assert/strict";
import { systemClock } from "../../lib/ops/clock.ts";
import { Shutdown } from "../../lib/ops/shutdown.ts";

Deno.test("Shutdown aborts softly on the first signal, and ends the process on the second", () => {
  const codes: number[] = [];
  const said: string[] = [];
  using stop = new Shutdown((code) => codes.push(code), (signal) => said.push(signal));
  stop.receive("SIGTERM");
  assert.deepEqual([stop.soft.aborted, stop.hard.aborted, codes.length], [true, false, 0]);
  stop.receive("SIGINT");
  assert.deepEqual([stop.hard.aborted, codes, said], [true, [130], ["SIGTERM"]]);
});

Deno.test("Shutdown hears real signals, and no longer after it is disposed", async () => {
  const heard = new AbortController();
  {
    using stop = new Shutdown(() => {}, () => heard.abort()).listen();
    Deno.kill(Deno.pid, "SIGTERM");
    await systemClock.sleep(10_000, heard.signal); // listening alone does not keep the event loop
    assert(stop.soft.aborted);
  }
  using another = new Shutdown(() => {});
  assert(!another.soft.aborted);
});
