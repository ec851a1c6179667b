import { pollSettings } from "../../../lib/app/open_parts.ts";
import { type Clock, systemClock } from "../../../lib/base/clock.ts";
import { findPatterns, type FoundPatterns } from "../../../lib/insights/find_patterns.ts";
import { DEFAULT_CONSTANTS } from "../../../lib/insights/score.ts";
import type { Enrolment } from "../../../lib/model/course_context.ts";
import { fromInstant } from "../../../lib/model/time.ts";
import { logger } from "../../../lib/base/log.ts";
import { Retention } from "../../../lib/privacy/retention.ts";
import { runPoll } from "../../../lib/poll/run_poll.ts";
import { acquireLease, releaseLease } from "../../../lib/state/leases.ts";
import { openMemory } from "../../../lib/state/open_state.ts";
import type { StateDb } from "../../../lib/state/state_db.ts";
import { type LetterSettings, writeLetters } from "../../../lib/tell/write_letters.ts";
import { defaultConfig } from "../default_config.ts";
import { makeLms, type TestLms } from "../lms/lms_database.ts";
import { onePage, withContext } from "./with_context.ts";

/** Students of one course, in batches, and what a poll and its after-work make of them at any time. Times are UTC: `2026-11-09T08:30`. */
export interface SmallCourse extends AsyncDisposable {
  readonly db: StateDb;
  readonly lms: TestLms;
  readonly source: string;
  /** An exam of the course. */
  exam(id: number, due: string): Promise<void>;
  handIn(student: number, exam: number, at: string, percentage: number): Promise<void>;
  /** A poll, what it finds of patterns, and on Mondays from 8:00 on the letters. */
  poll(at: string): Promise<readonly FoundPatterns[]>;
  /** Takes away events that were found more than so many days before. */
  forget(at: string, days: number): Promise<void>;
  /** `2026-11-09 call 39`, by day. */
  named(): Promise<string[]>;
}

const SETTINGS: LetterSettings = {
  tell: { weekday: 1, at: 8 * 60, most: 2 },
  constants: DEFAULT_CONSTANTS,
  notify: { timezone: "UTC", fuse: null, redirectTo: null },
  students: { activeOnly: true, excludeUsernames: [], batches: [] },
};
const instant = (at: string) => Temporal.PlainDateTime.from(at).toZonedDateTime("UTC").toInstant();
const inLms = (at: string) => instant(at).toString({ smallestUnit: "millisecond" }).replace("T", " ").replace("Z", "");

/**
 * `batchOf`: of each of the students, whose mentor is one for all. `enrolled`: whom this LMS enrols in courses, as each poll finds it;
 * left out: it knows batches alone.
 */
export async function openSmallCourse(
  students: number,
  batchOf: (student: number) => number,
  enrolled?: () => readonly Enrolment[],
): Promise<SmallCourse> {
  await using stack = new AsyncDisposableStack();
  const db = stack.use(await openMemory());
  const lms = stack.use(await makeLms(null));
  const opened = await lms.open();
  const source = enrolled === undefined ? opened : withContext(opened, { enrolments: () => onePage(enrolled()) });
  const { writer } = lms;
  await writer.course({ id: 1, title: "Physics" });
  await writer.chapter({ id: 1, course_id: 1 });
  await writer.mentor({ id: 1 });
  const ids = Array.from({ length: students }, (_, i) => i + 1);
  for (const id of new Set(ids.map(batchOf))) await writer.batch({ id });
  for (const id of ids) {
    await writer.student({ id });
    await writer.inBatch(id, batchOf(id));
    await writer.link(1, id);
  }
  const config = await defaultConfig();
  const settings = pollSettings({ ...config, notify: { ...config.notify, enabled: false } });
  const { signal } = new AbortController();
  const rest = stack.move();
  return {
    db,
    lms,
    source: source.name,
    exam: async (id, due) => {
      await writer.exam({ id, end_date: inLms(due) });
      await writer.inChapter(await writer.content({ course_id: 1, content_type: "Exam", examId: id }), 1);
    },
    handIn: async (student, exam, at, percentage) => {
      const time = inLms(at);
      const times = { date: time, last_started_time: time, last_answer_updated_time: time };
      const result = percentage >= 40 ? "Pass" : "Fail";
      await writer.attempt({ user_id: student, exam_id: exam, state: "Completed", result, percentage, ...times });
    },
    poll: async (at) => {
      const now = fromInstant(instant(at));
      const clock: Clock = { ...systemClock, now: () => now };
      const { lease } = await acquireLease(db, source.name, "host:1:small", 600_000);
      if (lease === null) throw new Error("somebody else polls");
      await runPoll({ db, lms: source, clock, settings }, lease, { mode: "full", notifyHistory: false, signal });
      const found = await findPatterns(db, lease, now, { at: 6 * 60, timezone: "UTC" }, signal);
      await writeLetters(db, lease, now, SETTINGS);
      await releaseLease(db, lease);
      return found;
    },
    forget: async (at, days) => {
      const clock: Clock = { ...systemClock, now: () => fromInstant(instant(at)) };
      const { lease } = await acquireLease(db, source.name, "host:1:small", 600_000);
      if (lease === null) throw new Error("somebody else polls");
      const keep = { eventsMs: days * 86_400_000, messageTextMs: null, auditMs: null };
      const retention = new Retention({
        ...{ db, clock, log: logger("test"), source: source.name, keep },
        sliceMs: Infinity,
      });
      await retention.afterPoll(lease, signal);
      await releaseLease(db, lease);
    },
    named: async () => {
      const rows = await db.sql`
        select t.day::text as day, n.about, n.student_id from lmsmon.letters t join lmsmon.namings n using (letter_id)
         order by t.day, n.about, n.student_id`;
      return rows.map((row) => `${row["day"]} ${row["about"]} ${row["student_id"]}`);
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}
