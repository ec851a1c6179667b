import { type AsOf, readInsights } from "../../lib/insights/read_insights.ts";
import { judgeDay } from "../../lib/insights/find_patterns.ts";
import { DEFAULT_CONSTANTS } from "../../lib/insights/score.ts";
import { readHistory } from "../../lib/history/read_history.ts";
import { fromInstant } from "../../lib/model/time.ts";
import type { StateDb } from "../../lib/state/state_db.ts";
import { createServerDatabase, openServerState } from "../../tests/support/state/server_state.ts";
import { line, type Measure } from "../support/measure.ts";

const SOURCE = "bench";
const STUDENTS = 40_000;
const COURSES = 20;
const EVENTS_EACH = 40;
const DAY = "2026-11-20";
const NOW = fromInstant(Temporal.Instant.from(`${DAY}T23:59:59Z`));
const LIMIT_MS = 10_000;
const HISTORY_EVENTS = 1_000;
const HISTORY_LIMIT_MS = 50;

export const insights: Measure = {
  name: "insights",
  about: `insights of ${STUDENTS} students in ${COURSES} courses, and one student's history`,
  async run(bench) {
    const { url, drop } = await createServerDatabase(true);
    try {
      await using db = await openServerState(url);
      bench.say(`  filling a state with ${STUDENTS * EVENTS_EACH} events`);
      await fill(db);
      const at: AsOf = { day: DAY, timezone: "UTC", known: NOW };
      const whole = () =>
        readInsights(db.sql, { source: SOURCE, at, course: null, constants: DEFAULT_CONSTANTS, halves: true });
      const patterns = () => judgeDay(db.sql, { source: SOURCE, day: DAY, timezone: "UTC", seen: NOW, halves: true });
      const request = {
        source: SOURCE,
        student: "1",
        called: "1",
        since: null,
        before: null,
        now: NOW,
        timezone: "UTC",
        format: "prompt",
        maxTokens: 4_000,
      } as const;
      const measured = async (name: string, what: string, limitMs: number, work: () => Promise<unknown>) => {
        await work();
        const pairs = [];
        for (let run = 0; run < bench.options.runs; run++) {
          const began = performance.now();
          await work();
          pairs.push({ ours: performance.now() - began, theirs: limitMs });
        }
        return line({ name, what, yardstick: `${limitMs} ms`, reach: { atMost: 1 }, unit: "ms" }, pairs);
      };
      return [
        await measured("insights", `insights of ${STUDENTS} students, ${EVENTS_EACH} events each`, LIMIT_MS, whole),
        await measured("patterns", `patterns of a day of ${STUDENTS} students`, LIMIT_MS, patterns),
        await measured(
          "history",
          `history of ${HISTORY_EVENTS} events`,
          HISTORY_LIMIT_MS,
          () => readHistory(db.sql, request),
        ),
      ];
    } finally {
      await drop();
    }
  },
};

/** Students in courses of equal size: contents and exams over 100 days, eight exams with dates, the first student with many events. */
async function fill({ sql }: StateDb): Promise<void> {
  await sql.unsafe(`
    insert into lmsmon.enrolments (source, student_id, scope, scope_id, seen_at, history, active)
    select '${SOURCE}', s, 'course', 1 + s % ${COURSES}, '2026-08-01', true, true from generate_series(1, ${STUDENTS}) s;
    insert into lmsmon.activities (source, kind, activity_id, seen_at, history, course_id, due_at)
    select '${SOURCE}', 'exam', 1000 * c + x, '2026-08-01', true, c, timestamptz '2026-08-20 20:00:00Z' + x * interval '10 days'
      from generate_series(1, ${COURSES}) c, generate_series(1, 8) x;
    insert into lmsmon.lms_activity_events (event_id, source, kind, event_type, stage, attempt_id, revision, student_id, activity_id,
      activity_title, course_id, course, activity_metadata, timestamp, timestamp_approximate, origin, poll_id, created_at)
    select row_number() over (), '${SOURCE}', case when is_exam then 'exam' else 'content' end,
           case when is_exam then 'exam_passed' else 'content_completed' end, 'finished', row_number() over (), 1, s,
           case when is_exam then 1000 * course + 1 + n / 5 else 100000 * course + (s * 31 + n * 17) % 400 end, 'An activity', course,
           'A course', jsonb_build_object('percentage', case when is_exam then (s * 7919 + n * 104729) % 101 end, 'started_at', null,
             'pass_percentage', 40, 'graded', true, 'previous', null, 'time_taken_s', 60, 'watched_percentage', null),
           at, false, 'live', 1, at
      from (select s, n, 1 + s % ${COURSES} as course, n % 5 = 0 as is_exam,
                   timestamptz '2026-08-12 09:00:00Z' + (n % 100) * interval '60 hours'
                     + (s % 97) * interval '17 minutes' as at
              from generate_series(1, ${STUDENTS}) s, generate_series(0, case when s = 1 then ${
    HISTORY_EVENTS - 1
  } else ${EVENTS_EACH - 1} end) n
             where (s * 13 + n * 7) % 10 < 9 or s = 1) e;
    analyze lmsmon.lms_activity_events; analyze lmsmon.enrolments; analyze lmsmon.activities`);
}
