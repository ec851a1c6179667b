import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";
import { Shutdown } from "../../lib/base/shutdown.ts";

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

Deno.test("Shutdown ends a process with 143 at a second SIGTERM and 130 at a second SIGINT", async () => {
  const module = new URL("../../lib/base/shutdown.ts", import.meta.url).href;
  const script = `
    import { Shutdown } from ${JSON.stringify(module)};
    using stop = new Shutdown(Deno.exit, (signal) => console.log(signal)).listen();
    console.log("ready");
    await new Promise(() => setInterval(() => {}, 1000));`;
  for (const [signal, expected] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
    const child = new Deno.Command(Deno.execPath(), { args: ["eval", script], stdout: "piped" }).spawn();
    const output = child.stdout.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
    assert.equal((await output.next()).value, "ready\n");
    child.kill(signal);
    assert.equal((await output.next()).value, `${signal}\n`);
    child.kill(signal);
    assert.equal((await child.status).code, expected);
    await output.return?.();
  }
});
