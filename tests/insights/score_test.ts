import assert from "node:assert/strict";
import { bandOf, DEFAULT_CONSTANTS, median, scoreOf } from "../../lib/insights/score.ts";

/** Values of three students of the Open University, computed once outside of this program, and what their score is. */
const GOLDEN = [
  {
    idle: 4.858,
    p_active: .0613,
    p_breadth: .0962,
    miss_rate: 1,
    p_sub: .0461,
    p_score: .5,
    margin: 0,
    z: 3.2039,
    p: .961,
  },
  {
    idle: 3.585,
    p_active: .4318,
    p_breadth: .0630,
    miss_rate: .3333,
    p_sub: .1812,
    p_score: .5604,
    margin: -.2143,
    z: .8892,
    p: .7087,
  },
  {
    idle: 4.858,
    p_active: .0845,
    p_breadth: .5184,
    miss_rate: .6667,
    p_sub: .1436,
    p_score: .0386,
    margin: -1,
    z: 4.0132,
    p: .9822,
  },
];

Deno.test("scoreOf() gives the score of golden rows, and its chance", () => {
  for (const { z, p, ...values } of GOLDEN) {
    const found = scoreOf(values, DEFAULT_CONSTANTS);
    assert.ok(Math.abs(found.z - z) < 0.0003, `${found.z} is not ${z}`);
    assert.ok(Math.abs(found.p - p) < 0.0001, `${found.p} is not ${p}`);
  }
});

Deno.test("bandOf() has high from three quarters, watch from one half", () => {
  assert.deepEqual([0.75, 0.7499, 0.5, 0.4999].map(bandOf), ["high", "watch", "watch", "low"]);
});

Deno.test("median() is the middle, or between the two in the middle", () => {
  assert.deepEqual([median([3, 1, 2]), median([4, 1, 2, 3]), median([])], [2, 2.5, 0]);
});
