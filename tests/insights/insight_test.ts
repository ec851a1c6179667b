import assert from "node:assert/strict";
import { differentReasons, type Insight, judge } from "../../lib/insights/insight.ts";
import { reasonFor } from "../../lib/insights/reasons.ts";
import { DEFAULT_CONSTANTS } from "../../lib/insights/score.ts";
import type { StandingRow } from "../../sql/state/insights.ts";

const AVERAGE: StandingRow = {
  ...{ course_id: "1", student_id: "0", n_cohort: 40, has_due_dates: true },
  ...{ idle: 1, p_active: 0.5, p_breadth: 0.5, miss_rate: 0, p_sub: 0.5, p_score: 0.5, margin: 0 },
  ...{ idle_days: 1, active_days: 9, contents: 30, submitted: 3, timed: 3, due: 3, missed: 0, marked: 3, ranked: 3 },
  ...{ average: 60, last_due_submitted: true },
};

/** One student among thirty-nine who are all the same. */
function one(changes: Partial<StandingRow>): Insight {
  const others = Array.from({ length: 39 }, (_, i) => ({ ...AVERAGE, student_id: String(i + 1) }));
  const [first] = judge([{ ...AVERAGE, ...changes }, ...others], DEFAULT_CONSTANTS);
  assert.ok(first);
  return first;
}

Deno.test("differentReasons() says two things that are about something else; the two largest stay the reasons", () => {
  const twice = one({ miss_rate: 2 / 3, missed: 2, p_sub: 0.05, submitted: 1, p_score: 0.3 });
  const missed = "2 of 3 due exams not handed in (course median: 0)";
  assert.deepEqual(twice.reasons, [missed, "1 exam handed in (course median: 3)"]);
  const marks = "last marks better than those of 30 % of the course (course median: 50 %)";
  assert.deepEqual(differentReasons(twice), [missed, marks]);
  const activity = one({ p_active: 0.01, active_days: 0, p_breadth: 0.1, contents: 2, p_sub: 0.45, submitted: 2 });
  assert.deepEqual(differentReasons(activity), [
    "active on 0 of the last 28 days (course median: 9)",
    "2 exams handed in (course median: 3)",
  ]);
});

Deno.test("differentReasons() stays with the two largest where nothing else adds to the score", () => {
  const one_kind = one({ miss_rate: 2 / 3, missed: 2, p_sub: 0.05, submitted: 1, p_score: 0.9 });
  assert.deepEqual(differentReasons(one_kind), one_kind.reasons);
  const no_dates = one({ has_due_dates: false, miss_rate: 1, missed: 3, p_score: 0.1, p_active: 0.2 });
  assert.doesNotMatch(differentReasons(no_dates).join(), /due exams/, "what the LMS does not say is no reason");
});

Deno.test("a reason says nothing that was not measured: of marks without ten others, of work without a due date", () => {
  const undue = one({ timed: 0, margin: 0 });
  assert.match(reasonFor("margin", undue.standing, undue.medianStanding), /^nothing handed in that was due \(/);
  const few = one({ marked: 2, ranked: 0, p_score: 0.5, submitted: 1, p_sub: 0.1 });
  assert.equal(
    reasonFor("p_score", few.standing, few.medianStanding).split(" (")[0],
    "no marks yet that can be compared",
  );
  const none = one({ marked: 0, ranked: 0, p_score: 0.5 });
  assert.equal(reasonFor("p_score", none.standing, none.medianStanding).split(" (")[0], "no marks yet");
});
