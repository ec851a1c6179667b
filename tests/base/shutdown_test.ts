import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";
import { StoppedError } from "../../lib/base/errors.ts";
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

Deno.test("what is said to who stops a command that only looks is true: nothing is kept, and there is no rest", () => {
  const hintOf = (stop: Shutdown) => {
    stop.receive("SIGINT");
    const { reason } = stop.soft;
    assert(reason instanceof StoppedError);
    return reason.hint;
  };
  using looks = new Shutdown(() => {}, () => {}, () => {}, "nothing was changed or written; run it again");
  using works = new Shutdown(() => {});
  assert.equal(hintOf(looks), "nothing was changed or written; run it again");
  assert.equal(hintOf(works), "what was done is kept; run it again for the rest");
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

const EARLY = (isDaemon: boolean) => `
  import { earlyCode, heedEarlySignals } from "${new URL("../../lib/base/early_signals.ts", import.meta.url).href}";
  heedEarlySignals(Deno.exit, earlyCode(${isDaemon}));
  console.log("ready");
  await new Promise(() => setInterval(() => {}, 1000));`;

Deno.test("a signal before a command has begun: a hang-up ends nothing, a stop says so, with its exit code", async () => {
  for (
    const [isDaemon, signal, expected] of [
      [false, "SIGTERM", 143],
      [false, "SIGINT", 130],
      [true, "SIGTERM", 0],
    ] as const
  ) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", EARLY(isDaemon)],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = child.stdout.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
    assert.equal((await output.next()).value, "ready\n");
    child.kill("SIGHUP");
    child.kill(signal);
    const said = await new Response(child.stderr).text();
    assert.match(said, new RegExp(`^stopped, goes on next time \\(${signal}\\)$`, "m"));
    assert.equal((await child.status).code, expected);
    await output.return?.();
  }
});

Deno.test({
  name: "a write beyond the limit of a file's size is an error, and ends no process without a word",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const script = `${EARLY(false).replace(/await new Promise.*/, "")}
      const place = Deno.makeTempFileSync();
      try {
        new Deno.Command("prlimit", { args: ["--pid", String(Deno.pid), "--fsize=1000"] }).outputSync();
        Deno.writeFileSync(place, new Uint8Array(8_000));
        Deno.writeFileSync(place, new Uint8Array(8_000), { append: true });
      } catch (error) {
        console.log(error.message);
      } finally {
        Deno.removeSync(place);
      }
      Deno.exit(0);`;
    const { code, stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", script], stdout: "piped" })
      .output();
    assert.equal(code, 0);
    assert.match(new TextDecoder().decode(stdout), /File too large/);
  },
});
