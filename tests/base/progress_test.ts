import assert from "node:assert/strict";
import { Progress, type ProgressView } from "../../lib/base/progress.ts";

function bench(isTerminal: boolean) {
  let nowMs = 5_000;
  const lines: string[] = [];
  const logged: [string, Record<string, unknown>][] = [];
  const view: ProgressView = {
    status: isTerminal ? (line) => lines.push(line) : null,
    log: (line, data) => logged.push([line, data]),
  };
  const progress = new Progress("First poll of testpress, exam", "row", { monotonicMs: () => nowMs }, view);
  return { progress, lines, logged, pass: (ms: number) => void (nowMs += ms) };
}

Deno.test("progress on a terminal begins with the second second: done, rate, share, time left", () => {
  const { progress, lines, logged, pass } = bench(true);
  pass(900);
  progress.update(9_000, 0.09);
  assert.deepEqual(lines, []);
  pass(100);
  progress.update(10_000, 0.1);
  pass(10);
  progress.update(10_100, 0.101);
  assert.deepEqual(lines, ["First poll of testpress, exam: 10,000 rows, 10,000/s, 10%, 9 s left"]);
  pass(4_000);
  progress.update(1, null);
  assert.equal(lines[1], "First poll of testpress, exam: 1 row, 0/s");
  assert.deepEqual(logged, []);
});

Deno.test("progress elsewhere is a log line a minute", () => {
  const { progress, lines, logged, pass } = bench(false);
  for (let i = 1; i <= 150; i++) {
    pass(1000);
    progress.update(i * 100, i / 600);
  }
  assert.deepEqual(lines, []);
  assert.deepEqual(logged.map(([line]) => line), [
    "First poll of testpress, exam: 6,000 rows, 100/s, 10%, 9 min left",
    "First poll of testpress, exam: 12,000 rows, 100/s, 20%, 8 min left",
  ]);
  assert.deepEqual(logged[0]?.[1], { done: 6000, ratePerS: 100, share: 0.1, leftS: 540 });
});
