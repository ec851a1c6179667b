import assert from "node:assert/strict";
import { durationText, ordinal, percentText, scoreText } from "../../lib/format/wording.ts";

Deno.test("percentText() rounds, but never over the pass mark, onto 0% or onto 100%", () => {
  assert.equal(percentText(82.2), "82%");
  assert.equal(percentText(39.72, 40), "39.7%");
  assert.equal(percentText(39.996, 40), "39.996%");
  assert.equal(percentText(40, 40), "40%");
  assert.equal(percentText(0.2), "0.2%");
  assert.equal(percentText(99.9), "99.9%");
  assert.equal(percentText(0), "0%");
  assert.equal(percentText(-3.4), "-3%");
});

Deno.test("durationText() names two units at most", () => {
  assert.deepEqual([0.4, 45, 59.7, 60, 720, 7920, 10_800, 86_400 * 2, 200_000].map(durationText), [
    "1 s",
    "45 s",
    "1 min",
    "1 min",
    "12 min",
    "2 h 12 min",
    "3 h",
    "2 days",
    "2 days 7 h",
  ]);
});

Deno.test("scoreText() and ordinal() read as people write", () => {
  assert.deepEqual([148, 148.5, -3.256, 0, -0.001].map(scoreText), ["148", "148.5", "-3.26", "0", "0"]);
  assert.deepEqual(
    [1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map(ordinal).join(),
    "1st,2nd,3rd,4th,11th,12th,13th,21st,102nd,111th",
  );
});
