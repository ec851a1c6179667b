import assert from "node:assert/strict";
import { composeReport } from "../../lib/report/compose_report.ts";
import type { ReportFacts } from "../../lib/report/read_report.ts";
import { renderReport } from "../../lib/report/render_report.ts";
import { courseWeeks } from "../../lib/report/weeks.ts";
import { judge } from "../../lib/insights/insight.ts";
import { DEFAULT_CONSTANTS } from "../../lib/insights/score.ts";
import type { StandingRow } from "../../sql/state/insights.ts";
import type { WeekNumbersRow } from "../../sql/state/week_numbers.ts";

const nothing = { days_low: 0, days: 0, days_high: 0, days_most: 0, marked: 0, marks_low: null, marks: null } as const;
const row = (changes: Partial<WeekNumbersRow>): WeekNumbersRow => ({
  ...{ course_id: "41", student_id: null, weeks_ago: 0, members: 40, ...nothing, marks_high: null },
  ...changes,
});

Deno.test("courseWeeks() begins with the first activity, names Mondays, and says nothing of the few", () => {
  const rows = [
    row({
      weeks_ago: 0,
      days_low: 1,
      days: 2,
      days_high: 3,
      days_most: 5,
      marked: 9,
      marks_low: 40,
      marks: 50,
      marks_high: 60,
    }),
    row({ weeks_ago: 1 }),
    row({ weeks_ago: 2, members: 9, days_most: 1, marked: 30, marks_low: 1, marks: 2, marks_high: 3 }),
    row({ weeks_ago: 3 }),
    row({ student_id: "7", weeks_ago: 0, members: 1, days: 4, marks: 55.5 }),
    row({ student_id: "7", weeks_ago: 1, members: 1, days: 0 }),
  ];
  const weeks = courseWeeks(rows, "2026-11-18", 10).get("41");
  assert.deepEqual(weeks?.mondays, ["2026-11-02", "2026-11-09", "2026-11-16"]);
  assert.deepEqual(weeks.course.days, [null, { low: 0, mid: 0, high: 0 }, { low: 1, mid: 2, high: 3 }]);
  assert.deepEqual(weeks.course.marks, [{ low: 1, mid: 2, high: 3 }, null, null]);
  assert.deepEqual(weeks.students.get("7"), { days: [null, 0, 4], marks: [null, null, 55.5] });
  assert.deepEqual(courseWeeks([row({})], "2026-11-18", 10).get("41")?.mondays, []);
});

Deno.test("renderReport() never goes beyond its size: the most urgent stay, and the page says what was left out", async () => {
  const facts = manyFacts(300);
  const [audience] = facts.audiences;
  assert.ok(audience);
  const report = composeReport(facts, audience);
  const whole = await renderReport(report);
  assert.deepEqual([whole.unlisted, whole.undrawn], [0, 0]);
  const labels = [...whole.html.matchAll(/y-axis tick label">(.*?)<\/g>/g)].map(([, labels]) =>
    [...(labels ?? "").matchAll(/>(-?\d+)</g)].map(([, label]) => Number(label))
  );
  assert.deepEqual(labels, [[0, 1, 2, 3], [-50, -25, 0, 25, 50, 75, 100]], "marks below 0 are drawn, too");
  for (const mostBytes of [100_000, 250_000, 500_000]) {
    const page = await renderReport(report, { mostBytes });
    assert.ok(page.bytes <= mostBytes && page.bytes > mostBytes * 0.6, `${page.bytes} of ${mostBytes}`);
    assert.equal(new TextEncoder().encode(page.html).length, page.bytes);
    assert.ok(page.undrawn > 0);
    assert.match(page.html, new RegExp(`The plots of ${page.undrawn} students found no room`));
    const links = [...page.html.matchAll(/href="#(s\d+)"/g)].map(([, anchor]) => anchor);
    const drawn = [...page.html.matchAll(/<article id="(s\d+)"/g)].map(([, anchor]) => anchor);
    assert.deepEqual(links.toSorted(), drawn.toSorted());
    const left = page.unlisted;
    if (left > 0) assert.match(page.html, new RegExp(`${left} students more found no room`));
  }
});

Deno.test("renderReport() counts a student of two courses once, and lists both", async () => {
  const facts = manyFacts(40);
  const [audience] = facts.audiences;
  assert.ok(audience);
  const insights = [...facts.insights, ...facts.insights.map((one) => ({ ...one, course: "42" }))];
  const report = composeReport({ ...facts, insights }, audience);
  assert.equal(report.quiet.length, 80);
  const { html } = await renderReport(report);
  assert.match(html, /Gone quiet: 40 students/);
});

/** A course in which everybody has stopped. */
function manyFacts(students: number): ReportFacts {
  const standings = Array.from({ length: students }, (_, i): StandingRow => ({
    course_id: "41",
    student_id: String(1000 + i),
    n_cohort: students,
    has_due_dates: true,
    ...{ idle: 4, p_active: 0.1, p_breadth: 0.1, miss_rate: 1, p_sub: 0.1, p_score: i / students / 4, margin: 0 },
    ...{ idle_days: 30, active_days: 0, contents: 1, submitted: 0, timed: 0, due: 3, missed: 3, marked: 2, ranked: 2 },
    average: 20,
    last_due_submitted: false,
  }));
  const weekly = standings.flatMap(({ student_id }) =>
    Array.from({ length: 20 }, (_, i) => row({ student_id, weeks_ago: i, members: 1, days: i % 3, marks: i * 5 }))
  );
  const course = Array.from(
    { length: 20 },
    (_, i) =>
      row({
        weeks_ago: i,
        days_low: 1,
        days: 2,
        days_high: 3,
        days_most: 4,
        marked: 99,
        marks_low: -30,
        marks: 50,
        marks_high: 60,
      }),
  );
  const at = { day: "2026-11-18", timezone: "UTC", known: 0 };
  const asked = { course: null, mentor: null, students: null, perMentor: false, identified: false };
  return {
    asked: { source: "lms", at, constants: DEFAULT_CONSTANTS, ...asked },
    insights: judge(standings, DEFAULT_CONSTANTS),
    audiences: [{ mentor: null, students: null }],
    unmentored: 0,
    isLimited: false,
    titles: new Map([["41", "Physics"]]),
    weeks: courseWeeks([...course, ...weekly], at.day, 10),
    called: (_, id) => ({ name: id, id: null }),
    keyOf: (id) => id,
  };
}
