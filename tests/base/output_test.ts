import assert from "node:assert/strict";
import { createOutput, OutputClosed, printable } from "../../lib/base/output.ts";
import { Secret } from "../../lib/base/secrets.ts";

/** A stdout that takes at most three bytes at a time, as a busy pipe does. */
function slowSink(isTerminal = false) {
  const bytes: number[] = [];
  const writeSync = (chunk: Uint8Array) => bytes.push(...chunk.subarray(0, 3)) && Math.min(3, chunk.length);
  const sink = {
    writeSync,
    write: (chunk: Uint8Array) => Promise.resolve(writeSync(chunk)),
    isTerminal: () => isTerminal,
  };
  return { out: createOutput(sink), text: () => new TextDecoder().decode(new Uint8Array(bytes)) };
}

Deno.test("Output writes all of it when the pipe takes only a part", async () => {
  const { out, text } = slowSink();
  out.writeLine("äöü and more");
  await out.writeBytes(new TextEncoder().encode("bytes, many of them\n"));
  assert.equal(text(), "äöü and more\nbytes, many of them\n");
});

Deno.test("Output writes JSON on one line, ids above 2^53 as text, maps as objects, and no secret", () => {
  const { out, text } = slowSink();
  const secret = new Secret("top-secret-word");
  out.writeJson({ a: 5n, b: 2n ** 60n, map: new Map([["k", 1]]), secret, leaked: "is top-secret-word" });
  assert.equal(text(), '{"a":5,"b":"1152921504606846976","map":{"k":1},"secret":"***","leaked":"is ***"}\n');
});

Deno.test("Output keeps JSON whole when a number looks like a secret", () => {
  const { out, text } = slowSink();
  new Secret("4711");
  out.writeJson({ poll: 4711, note: "is 4711" });
  assert.deepEqual(JSON.parse(text()), { poll: 4711, note: "is ***" });
});

Deno.test("Output says what is wrong when it cannot be written", () => {
  const writeSync = () => {
    throw new Error("No space left on device (os error 28)");
  };
  const out = createOutput({ writeSync, write: () => Promise.resolve(0), isTerminal: () => false });
  assert.throws(() => out.writeLine("x"), /^CommandError: Cannot write the output: No space left on device/);
});

Deno.test("Output prints a table with harmless cells and no trailing blanks", async () => {
  const { out, text } = slowSink();
  await out.table(["Name", "N"], [["a\u001b[31mb\n", 3], ["long name here", null]]);
  assert.equal(text(), "Name             N\na\ufffd[31mb\ufffd         3\nlong name here\n");
});

Deno.test("Output lets no line for people write to the terminal as it likes, and leaves a row of data as it is", () => {
  const { out, text } = slowSink();
  out.writeLine("Wrote a\u202e\u0007\u001b[2J\tb\nnext");
  out.writeRow("\u200fא,1");
  assert.equal(text(), "Wrote a\ufffd\ufffd\ufffd[2J\tb\nnext\n\u200fא,1\n");
});

Deno.test("Output throws OutputClosed when its reader is gone", async () => {
  const fail = () => {
    throw new Deno.errors.BrokenPipe();
  };
  const out = createOutput({
    writeSync: fail,
    write: () => Promise.reject(new Deno.errors.BrokenPipe()),
    isTerminal: () => false,
  });
  assert.throws(() => out.writeLine("x"), OutputClosed);
  await assert.rejects(out.writeBytes(new Uint8Array(1)), OutputClosed);
});

Deno.test("printable() replaces escape sequences and direction overrides, nothing else", () => {
  assert.equal(printable("Ünïcødé 🎓 \u001b]0;x\u0007 a\u202eb"), "Ünïcødé 🎓 \ufffd]0;x\ufffd a\ufffdb");
});
