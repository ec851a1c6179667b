import assert from "node:assert/strict";
import { UsageError } from "../../lib/base/errors.ts";
import { fitConstants } from "../../lib/insights/fit.ts";
import { parseOutcomes } from "../../lib/insights/outcomes.ts";
import { DEFAULT_CONSTANTS, INDICATORS, scoreOf, type Values } from "../../lib/insights/score.ts";

Deno.test("fitConstants() finds the constants that outcomes were drawn by", () => {
  let seed = 7;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const rows = Array.from({ length: 20_000 }, () => {
    const values = Object.fromEntries(INDICATORS.map((name) => [name, name === "idle" ? random() * 5 : random()]));
    const { p } = scoreOf(values as unknown as Values, DEFAULT_CONSTANTS);
    return { values: values as unknown as Values, failed: random() < p };
  });
  const fitted = fitConstants(rows, "site");
  assert.ok(Math.abs(fitted.intercept - DEFAULT_CONSTANTS.intercept) < 0.25, String(fitted.intercept));
  for (const name of INDICATORS) {
    assert.ok(
      Math.abs(fitted.weights[name] - DEFAULT_CONSTANTS.weights[name]) < 0.25,
      `${name} ${fitted.weights[name]}`,
    );
  }
});

Deno.test("fitConstants() gives a value that is the same for all no weight, and refuses one outcome", () => {
  const row = (p_sub: number, failed: boolean) => ({
    values: { idle: 0, p_active: 0, p_breadth: 0, miss_rate: 0, p_sub, p_score: 0.5, margin: 0 },
    failed,
  });
  const { weights } = fitConstants([row(0, true), row(1, false), row(0, false), row(1, true), row(0, true)], "site");
  assert.equal(weights.margin, 0);
  assert.throws(() => fitConstants([row(0, true)], "site"), RangeError);
});

Deno.test("parseOutcomes() reads columns in any order, quoted or not, and names a line that it cannot read", () => {
  const text = 'outcome,course,student\r\n1,"Physics, ""A""",7\r\n0,4,asha\r\n';
  assert.deepEqual(parseOutcomes(text, "o.csv"), [
    { student: "7", course: 'Physics, "A"', failed: true, line: 2 },
    { student: "asha", course: "4", failed: false, line: 3 },
  ]);
  const broken = 'student,course,outcome\n7,"Physics\nfor ""all""",1\n8,4,0\n9,4,left\n';
  assert.deepEqual(parseOutcomes(broken.replace("left", "1"), "o.csv").map(({ course, line }) => [course, line]), [
    ['Physics\nfor "all"', 2],
    ["4", 4],
    ["4", 5],
  ]);
  assert.throws(() => parseOutcomes(broken, "o.csv"), /o\.csv:5/);
  assert.throws(() => parseOutcomes("a,b,c\n", "o.csv"), UsageError);
  assert.throws(() => parseOutcomes("student,course;outcome\n", "o.csv"), UsageError);
  assert.throws(() => parseOutcomes("student,course,outcome\n7,4,yes\n", "o.csv"), /o\.csv:2/);
});

Deno.test("parseOutcomes() reads what spreadsheets write where the comma is for decimals, tabs, and any ends of lines", () => {
  const rows = [["Student", "course ", '"outcome"'], ["7", "Physics, A", "1"], ['"asha"', '"a; ""b""\tc"', "0"], [
    "",
    "",
    "1",
  ]];
  for (const separator of [";", "\t"]) {
    for (const end of ["\n", "\r\n", "\r"]) {
      const text = `\uFEFF${rows.map((row) => row.join(separator)).join(end)}${end}`;
      assert.deepEqual(parseOutcomes(text, "o.csv"), [
        { student: "7", course: "Physics, A", failed: true, line: 2 },
        { student: "asha", course: 'a; "b"\tc', failed: false, line: 3 },
        { student: "", course: "", failed: true, line: 4 },
      ]);
    }
  }
});
