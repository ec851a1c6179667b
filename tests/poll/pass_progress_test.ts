import assert from "node:assert/strict";
import { Progress } from "../../lib/base/progress.ts";
import { PassProgress } from "../../lib/poll/pass_progress.ts";

Deno.test("a pass over all rows shows its share by ids, asking the LMS a few dozen times for the highest one", async () => {
  const ids = Array.from({ length: 100_000 }, (_, i) => BigInt(i * 37 + (i > 60_000 ? 5_000_000 : 0) + 1_000));
  const highest = Number(ids.at(-1));
  let asked = 0;
  const lms = {
    firstIdFrom: (_kind: string, from: string) => {
      asked++;
      return Promise.resolve(ids.find((id) => id >= BigInt(from))?.toString() ?? null);
    },
  };
  let nowMs = 0;
  const clock = { monotonicMs: () => nowMs };
  const lines: string[] = [];
  const progress = new Progress("First poll of x, exam", "row", clock, { status: (l) => lines.push(l), log: () => {} });
  await using pass = new PassProgress(progress, lms, "exam", clock);
  pass.at(1, "1000");
  assert.equal(asked, 0, "nothing is asked for a pass that takes no time");
  nowMs = 2_000;
  pass.at(9_999, "370000");
  while (asked < 200 && !/%/.test(lines.at(-1) ?? "")) {
    await Promise.resolve();
    nowMs += 300;
    pass.at(0, "4000000");
  }
  const share = Number(/ (\d+)%/.exec(lines.at(-1) ?? "")?.[1]);
  assert.ok(Math.abs(share - (4_000_000 - 1_000) / (highest - 1_000) * 100) < 2, lines.at(-1));
  assert.ok(asked < 60, `${asked} questions`);
});
