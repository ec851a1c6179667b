import assert from "node:assert/strict";
import { type CourseDay } from "../../sql/state/course_day.ts";
import { standings } from "../../sql/state/insights.ts";
import { patternFacts } from "../../sql/state/patterns.ts";
import { weekNumbers } from "../../sql/state/week_numbers.ts";
import type { Queryable } from "../../lib/state/state_db.ts";
import { forEachState } from "../support/state/with_state.ts";

const STUDENTS = 400;
const UNTIL = "2026-11-20T23:59:59Z";
const ASKED: CourseDay = { source: "lms", until: UNTIL, seen: UNTIL, day: "2026-11-20", timezone: "UTC", course: null };
const everybody = Array.from({ length: STUDENTS }, (_, i) => String(i + 1));

for (const how of ["enrolled", "in a batch"] as const) {
  forEachState(
    `what is read of a course's students grows with them, not with their square (${how})`,
    async ({ sql }) => {
      await fill(sql, how === "enrolled");
      const weeks = { ...ASKED, weeks: 26, courses: ["1"], students: everybody };
      const reads = {
        standings: () => standings(sql, ASKED),
        patternFacts: () => patternFacts(sql, ASKED, { exam: UNTIL, assignment: UNTIL }),
        weekNumbers: () => weekNumbers(sql, weeks),
      };
      for (const [name, read] of Object.entries(reads)) {
        assert.ok((await read()).length >= STUDENTS, name);
        const most = await mostRows(sql, read());
        // Eight exams, nine contents and 26 weeks each: twice that is room for another plan, and far from 400 times 400.
        assert.ok(most <= 60 * STUDENTS, `${name}: a step of its plan looks at ${most} rows`);
      }
    },
  );
}

/** Rows that the busiest step of a statement's plan handed on or threw away. */
async function mostRows(sql: Queryable, query: PromiseLike<unknown>): Promise<number> {
  const [row] = await sql`explain (analyze, timing off, format json) ${query as never}`;
  let most = 0;
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(visit);
    if (typeof node !== "object" || node === null) return;
    const of = new Map(Object.entries(node));
    const number = (key: string) => Number(of.get(key) ?? 0);
    const rows = number("Actual Rows") + number("Rows Removed by Filter") + number("Rows Removed by Join Filter");
    most = Math.max(most, rows * number("Actual Loops"));
    for (const value of of.values()) visit(value);
  };
  visit(row?.["QUERY PLAN"]);
  assert.ok(most > 0, "the plan was read");
  return most;
}

/** One course; nothing is analyzed, as in an embedded state that is new. */
async function fill(sql: Queryable, enrolled: boolean): Promise<void> {
  await sql`
    insert into lmsmon.enrolments (source, student_id, scope, scope_id, seen_at, history, active)
    select 'lms', s, x.scope, x.id, '2026-08-01', true, true
      from generate_series(1, ${STUDENTS}::int) s, (values ('course', 1), ('batch', 9), ('site', 0)) x (scope, id)
     where (x.scope = 'course') = ${enrolled}::boolean`;
  await sql`
    insert into lmsmon.activities (source, kind, activity_id, seen_at, history, course_id, due_at)
    select 'lms', 'exam', n, '2026-08-01', true, 1, timestamptz '2026-09-01' + n * interval '9 days' from generate_series(1, 8) n`;
  await sql`
    insert into lmsmon.exemptions (source, student_id, kind, activity_id, seen_at, history)
    select 'lms', s, 'exam', 1 + s % 8, '2026-08-01', true from generate_series(1, ${STUDENTS}::int, 5) s`;
  await sql`
    insert into lmsmon.lms_activity_events (event_id, source, kind, event_type, stage, attempt_id, revision, student_id, activity_id,
      course_id, activity_metadata, timestamp, timestamp_approximate, origin, poll_id, created_at)
    select row_number() over (), 'lms', case when n <= 8 then 'exam' else 'content' end,
           case when n <= 8 then 'exam_passed' else 'content_completed' end, 'finished', row_number() over (), 1, s, n, 1,
           jsonb_build_object('percentage', case when n <= 8 then (s * 37 + n * 11) % 101 end),
           timestamptz '2026-09-01 09:00Z' + (n * 9 + s % 5) % 80 * interval '1 day', false, 'backfill', 1, '2026-11-20'
      from generate_series(1, ${STUDENTS}::int) s, generate_series(1, 17) n where (s + n) % 4 > 0`;
}
