import assert from "node:assert/strict";
import { atEveryPlace, type PollBench } from "../poll/poll_bench.ts";

const PASSED = { state: "Completed", result: "Pass", score: 80, percentage: 80 };
const NONE = ["NaN", "Infinity", "-Infinity"];
const HUGE = ["1e300", "-1e300"];

interface Case {
  readonly table: "attempts" | "exams" | "user_videos";
  readonly column: string;
  /** Types that the column is given, one after the other. */
  readonly postgres: Readonly<Record<string, readonly string[]>>;
  readonly mysql: Readonly<Record<string, readonly string[]>>;
  /** The key of the event's metadata that is empty then. */
  readonly key: string;
}

/** A float of MySQL has neither NaN nor infinity, a text column has any word. */
const NUMBERS = {
  postgres: {
    "double precision": [...NONE, ...HUGE],
    "real": [...NONE, "3e38"],
    "numeric": ["NaN", ...HUGE, "9".repeat(400)],
    "text": [...NONE, "nan", "inf", "1e999", "NA", "  "],
  },
  mysql: {
    "double": HUGE,
    "float": ["3e38"],
    "decimal(65, 0)": ["9".repeat(65), "-" + "9".repeat(65)],
    "text": [...NONE, "nan", "inf", "1e999", "NA", "  "],
  },
};

const COUNTS = {
  postgres: { ...NUMBERS.postgres, "integer": ["-5"] },
  mysql: { ...NUMBERS.mysql, "int": ["-5"] },
};

const TIMES_TAKEN = {
  text: ["-0:10:00", "-1 day, 23:59:59", "999999 days, 0:00:00", "999999999999 h", "1e300", "NaN", "soon", ""],
};

const CASES: readonly Case[] = [
  { table: "attempts", column: "score", key: "score", ...NUMBERS },
  { table: "attempts", column: "percentage", key: "percentage", ...NUMBERS },
  { table: "attempts", column: "correct_answers_count", key: "correct", ...COUNTS },
  { table: "attempts", column: "incorrect_answers_count", key: "incorrect", ...COUNTS },
  { table: "attempts", column: "unanswered_count", key: "unanswered", ...COUNTS },
  {
    ...{ table: "attempts", column: "time_taken", key: "time_taken_s" },
    ...{ postgres: { ...TIMES_TAKEN, interval: ["-10 minutes", "90000 years"] }, mysql: TIMES_TAKEN },
  },
  { table: "exams", column: "total_marks", key: "score_max", ...NUMBERS },
  { table: "exams", column: "pass_percentage", key: "pass_percentage", ...NUMBERS },
  { table: "exams", column: "duration", key: "duration_allowed_s", ...COUNTS },
  { table: "user_videos", column: "watched_percentage", key: "watched_percentage", ...NUMBERS },
];

async function retype({ lms, writer }: PollBench, { table, column }: Case, type: string): Promise<void> {
  if (writer.dialect === "postgres") {
    await lms.execute(
      `alter table ${table} alter ${column} drop not null, alter ${column} drop default,` +
        ` alter ${column} type ${type} using null`,
    );
    return;
  }
  await lms.execute(`alter table ${table} modify ${column} text`);
  await lms.execute(`update ${table} set ${column} = null`);
  await lms.execute(`alter table ${table} modify ${column} ${type}`);
}

/** An attempt at something that has this value, and which event says so. */
async function attemptWith(
  { writer }: PollBench,
  { table, column }: Case,
  value: string,
  student: number,
): Promise<string> {
  if (table === "user_videos") {
    const video = await writer.video(), course = await writer.course();
    const chapter = await writer.chapter({ course_id: course });
    const watched = await writer.userVideo({ user_id: student, video_id: video, [column]: value, state: "Completed" });
    const content = { user_id: student, course_id: course, chapter_id: chapter };
    const id = await writer.contentAttempt({
      ...content,
      chapter_content_id: await writer.content({ videoId: video }),
      user_video_id: watched,
      state: "Completed",
    });
    return `content ${id}`;
  }
  const exam = await writer.exam(table === "exams" ? { [column]: value } : {});
  const own = table === "attempts" ? { [column]: value } : {};
  return `exam ${await writer.attempt({ user_id: student, exam_id: exam, ...PASSED, ...own })}`;
}

atEveryPlace(
  "P4: a value of any column that none can be hides no result: it is told without it",
  { notify: { gatherMs: 0 } },
  async (bench) => {
    const { student, zulipId } = await bench.pair();
    await bench.firstContact();
    const expected: string[] = [];
    const of = new Map<string, { readonly what: string; readonly key: string }>();
    for (const testCase of CASES) {
      const { table, column, key } = testCase;
      for (const [type, values] of Object.entries(testCase[bench.writer.dialect])) {
        await retype(bench, testCase, type);
        for (const value of values) {
          const what = `${table}.${column} ${type} ${value}`;
          of.set(await attemptWith(bench, testCase, value, student), { what, key });
          expected.push(`${what}: null`);
        }
        assert.equal((await bench.poll({ mode: "quick" })).tally.quarantined, 0, `${table}.${column} ${type}`);
      }
      await retype(bench, testCase, Object.keys(testCase[bench.writer.dialect])[0] ?? "");
    }
    const rows = await bench.db.sql<{ id: string; type: string; values: Record<string, unknown> }[]>`
      select kind || ' ' || attempt_id as id, event_type as type, activity_metadata as values
      from lmsmon.lms_activity_events where revision = 1`;
    const found = rows.map(({ id, values }) => `${of.get(id)?.what}: ${values[of.get(id)?.key ?? ""]}`);
    assert.deepEqual(found.toSorted(), expected.toSorted());
    assert.ok(rows.every(({ type }) => type === "exam_passed" || type === "content_watched"));
    assert.equal((await bench.deliver()).sent, rows.length);
    for (const { content } of bench.standIn.dmsTo(zulipId)) {
      // A reference may be any letters and digits.
      assert.doesNotMatch(content.replace(/`ref \w+`/, ""), /NaN|nfinity|\de\+?\d|\d{13}/);
    }
    assert.deepEqual(await bench.quarantine(), {});
  },
);

atEveryPlace(
  "P4: a mark that was none and becomes one is the result's correction, and one that turns into none is no event",
  {},
  async (bench) => {
    const text = bench.writer.dialect === "postgres"
      ? "alter table attempts alter score type double precision, alter percentage type double precision"
      : "alter table attempts modify score text, modify percentage text";
    await bench.lms.execute(text);
    const { student } = await bench.pair();
    await bench.firstContact();
    await bench.writer.attempt({ id: 1, user_id: student, ...PASSED, score: "NaN", percentage: "NaN" });
    await bench.poll();
    await bench.writer.updateAttempt(1, PASSED);
    await bench.poll();
    await bench.writer.updateAttempt(1, { score: "NaN", percentage: "Infinity" });
    await bench.poll();
    assert.deepEqual(await bench.told(), ["1 exam_passed 1", "1 exam_passed 2"]);
    assert.equal((await bench.deliver()).sent, 1);
  },
);
