import assert from "node:assert/strict";
import { judgeDay } from "../../lib/insights/find_patterns.ts";
import { readInsights } from "../../lib/insights/read_insights.ts";
import { DEFAULT_CONSTANTS } from "../../lib/insights/score.ts";
import { fromInstant } from "../../lib/model/time.ts";
import { forEachState } from "../support/state/with_state.ts";

const KNOWN = fromInstant(Temporal.Instant.from("2026-11-20T23:59:59Z"));
const TEXT_KEY = "4611686018427387905";

for (const enrolled of [true, false]) {
  const how = enrolled ? "enrolled" : "in batches";
  forEachState(`all courses asked for at once or in halves: the same, byte for byte (${how})`, async ({ sql }) => {
    // Courses 1 to 5, and two whose ids are negative or stand for a text; 35 students each, some in two.
    await sql`
      insert into lmsmon.enrolments (source, student_id, scope, scope_id, seen_at, history, active)
      select 'lms', s, x.scope, x.id, '2026-08-01', true, true
        from generate_series(1, 245) s,
             lateral (values (${
      enrolled ? "course" : "batch"
    }, (array[1, 2, 3, 4, 5, -7, ${TEXT_KEY}::bigint])[1 + s % 7]),
                             (${enrolled ? "course" : "site"}, ${enrolled ? 2 : 0}::bigint)) x (scope, id)
       where x.scope <> 'course' or s % 7 <> 1`;
    await sql`
      insert into lmsmon.activities (source, kind, activity_id, seen_at, history, course_id, due_at)
      select 'lms', 'exam', 100 + n, '2026-08-01', true, (array[1, 2, 3, 4, 5, -7, ${TEXT_KEY}::bigint])[1 + n % 7], '2026-11-01'
        from generate_series(0, 13) n`;
    await sql`
      insert into lmsmon.lms_activity_events (event_id, source, kind, event_type, stage, attempt_id, revision, student_id, activity_id,
        course_id, activity_metadata, timestamp, timestamp_approximate, origin, poll_id, created_at)
      select row_number() over (), 'lms', case when n < 2 then 'exam' else 'content' end,
             case when n < 2 then 'exam_passed' else 'content_completed' end, 'finished', row_number() over (), 1, s,
             case when n < 2 then 100 + s % 7 + 7 * n else 1000 + n end, (array[1, 2, 3, 4, 5, -7, ${TEXT_KEY}::bigint])[1 + s % 7],
             jsonb_build_object('percentage', case when n < 2 then (s * 37 + n * 11) % 101 end),
             timestamptz '2026-11-18 09:00Z' - (s * 13 + n * 5) % 40 * interval '1 day', false, 'live', 1, '2026-11-18'
        from generate_series(1, 245) s, generate_series(0, 5) n where (s + n) % 3 > 0`;
    const at = { day: "2026-11-20", timezone: "UTC", known: KNOWN };
    const insights = (halves: boolean) =>
      readInsights(sql, { source: "lms", at, course: null, constants: DEFAULT_CONSTANTS, halves });
    const whole = await insights(false);
    assert.equal(new Set(whole.map(({ course }) => course)).size, 7);
    assert.ok(whole.some(({ p }) => p !== null));
    assert.equal(JSON.stringify(await insights(true)), JSON.stringify(whole));
    const judge = (halves: boolean) =>
      judgeDay(sql, { source: "lms", day: at.day, timezone: "UTC", seen: KNOWN, halves });
    const patterns = await judge(false);
    assert.ok(patterns.decided.found.length > 5);
    assert.equal(JSON.stringify(await judge(true)), JSON.stringify(patterns));
  });
}
