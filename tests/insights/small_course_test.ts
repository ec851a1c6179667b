import assert from "node:assert/strict";
import type { Enrolment } from "../../lib/model/course_context.ts";
import { asOf, readInsights } from "../../lib/insights/read_insights.ts";
import { DEFAULT_CONSTANTS } from "../../lib/insights/score.ts";
import { fromInstant } from "../../lib/model/time.ts";
import { openSmallCourse, type SmallCourse } from "../support/insights/small_course.ts";

const OTHERS = 38;
const LAZY = [39, 40] as const;

/** Six exams of October and one of November, which 38 of 40 students have handed in; the first poll is on 1 November. */
async function october(
  batchOf: (student: number) => number,
  enrolled?: () => readonly Enrolment[],
): Promise<SmallCourse> {
  const course = await openSmallCourse(OTHERS + LAZY.length, batchOf, enrolled);
  for (let exam = 1; exam <= 6; exam++) {
    const day = String(4 + 4 * exam).padStart(2, "0");
    await course.exam(exam, `2026-10-${day}T20:00`);
    for (let student = 1; student <= OTHERS; student++) {
      await course.handIn(student, exam, `2026-10-${day}T1${student % 9}:00`, 30 + (student * 7 + exam * 3) % 60);
    }
  }
  await course.poll("2026-11-01T20:00");
  return course;
}

async function rates(course: SmallCourse, day: string, of = "1"): Promise<(number | null)[]> {
  const now = fromInstant(Temporal.Instant.from("2027-01-01T00:00Z"));
  const asked = { source: course.source, at: asOf(day, now, "UTC"), course: of, constants: DEFAULT_CONSTANTS };
  const insights = await readInsights(course.db.sql, asked);
  return Array.from(
    { length: OTHERS + LAZY.length },
    (_, i) => insights.find(({ student }) => student === String(i + 1))?.values.miss_rate ?? null,
  );
}

const missRates = async (course: SmallCourse, day: string) => (await rates(course, day)).slice(-LAZY.length);

async function missed({ db: { sql } }: SmallCourse): Promise<string[]> {
  const rows = await sql`
    select student_id, withdrawn_day is null as is_open from lmsmon.patterns where type = 'deadline_missed' order by 1`;
  return rows.map((row) => `${row["student_id"]} ${row["is_open"] ? "open" : "withdrawn"}`);
}

Deno.test("who is moved to another batch of the course has still missed what was missed, and nobody is told that it came", async () => {
  // Of the batches of this course one is given up, since all of it move to the other.
  await using course = await october((student) => student < 31 ? 1 : 2);
  await course.poll("2026-11-02T08:30");
  assert.deepEqual(await missRates(course, "2026-11-02"), [1, 1]);
  assert.deepEqual(await missed(course), ["39 open", "40 open"]);
  await course.lms.execute(`update "_BatchToStudent" set "A" = 1 where "B" = 40`);
  await course.poll("2026-11-03T20:00");
  assert.deepEqual(await missRates(course, "2026-11-03"), [1, 1], "from one batch to another");
  await course.lms.execute(`update "_BatchToStudent" set "A" = 1`);
  for (const day of ["04", "05"]) await course.poll(`2026-11-${day}T20:00`);
  assert.deepEqual(await missRates(course, "2026-11-05"), [1, 1], "from one that is no more");
  assert.deepEqual(await missed(course), ["39 open", "40 open"]);
});

Deno.test("of who joins the course only now nothing that was due before is missing", async () => {
  await using course = await october((student) => student < 39 ? 1 : 2);
  await course.lms.execute(`update "_BatchToStudent" set "A" = 1 where "B" = 40`);
  await course.poll("2026-11-03T20:00");
  assert.deepEqual(await missRates(course, "2026-11-03"), [null, 0], "batch 2 is of no course");
  await course.exam(7, "2026-11-04T20:00");
  for (const day of ["05", "06", "07", "08"]) await course.poll(`2026-11-${day}T20:00`);
  assert.deepEqual(await missRates(course, "2026-11-05"), [null, 1]);
});

Deno.test("where the LMS says when students joined a course, what it says last holds: of whoever left and is back, or was entered wrongly", async () => {
  const joined = new Map<number, string>();
  for (let id = 1; id <= OTHERS + LAZY.length; id++) joined.set(id, "2026-10-01T00:00Z");
  const enrolled = () =>
    [...joined].sort(([a], [b]) => a - b).map(([id, at]): Enrolment => ({
      studentId: String(id),
      scope: "course",
      scopeId: "1",
      active: true,
      joinedAt: fromInstant(Temporal.Instant.from(at)),
      leftAt: null,
    }));
  await using course = await october(() => 1, enrolled);
  assert.deepEqual(await missRates(course, "2026-11-01"), [1, 1]);
  joined.delete(39);
  joined.set(40, "2026-10-18T00:00Z"); // after three of the six exams
  await course.handIn(40, 6, "2026-11-02T10:00", 50);
  await course.poll("2026-11-02T20:00");
  assert.deepEqual(await missRates(course, "2026-11-02"), [null, 2 / 3]);
  joined.set(39, "2026-11-03T00:00Z");
  await course.exam(7, "2026-11-04T20:00");
  await course.poll("2026-11-04T20:00");
  assert.deepEqual(await missRates(course, "2026-11-03"), [null, 2 / 3], "as it was known then");
  assert.deepEqual(await missRates(course, "2026-11-04"), [1, 3 / 4], "exam 7 alone of whoever is back");
});

Deno.test("who joins anew, as the LMS says it, has not handed in what was found missing; what is due no longer is withdrawn", async () => {
  await using course = await october(() => 1);
  await course.poll("2026-11-02T08:30");
  assert.deepEqual(await missed(course), ["39 open", "40 open"]);
  const { sql } = course.db;
  await sql`
    update lmsmon.enrolments set joined_at = '2026-11-03', history = false where student_id = 39 and scope = 'batch'`;
  await sql`update lmsmon.activities set due_at = null`;
  await sql`update lmsmon.activities set due_at = '2026-10-24 20:00Z' where activity_id = 5`;
  await course.lms.execute(`update exams set end_date = null where id <> 5`);
  await course.handIn(40, 5, "2026-11-03T10:00", 50);
  const found = await course.poll("2026-11-04T08:30");
  assert.deepEqual(found.map(({ withdrawn }) => withdrawn), [0, 1]);
  assert.deepEqual(await missed(course), ["39 open", "40 withdrawn"]);
});

Deno.test("a letter does not say that work is missing which a poll has found since, of days on which nothing ran", async () => {
  await using course = await openSmallCourse(OTHERS + LAZY.length, () => 1);
  for (const exam of [1, 2, 3]) await course.exam(exam, "2026-11-07T20:00");
  await course.handIn(40, 1, "2026-10-20T10:00", 90);
  await course.handIn(1, 1, "2026-10-20T10:00", 50);
  for (let id = 2; id < 40; id++) await course.handIn(id, 1, "2026-10-21T10:00", 70 - id);
  await course.poll("2026-11-01T20:00");
  for (let id = 1; id <= OTHERS; id++) {
    for (const exam of [2, 3]) await course.handIn(id, exam, "2026-11-05T10:00", 30 + id);
  }
  await course.poll("2026-11-06T20:00"); // then nothing ran until Monday
  for (const exam of [2, 3]) await course.handIn(40, exam, "2026-11-07T10:00", 90);
  await course.poll("2026-11-09T08:30");
  assert.deepEqual(await course.named(), ["2026-11-09 call 39"]);
});

Deno.test("work that was handed in is not missing when retention took its event", async () => {
  await using course = await october(() => 1);
  await course.poll("2026-11-02T20:00");
  await course.exam(7, "2026-11-12T20:00");
  for (let id = 1; id <= OTHERS; id++) await course.handIn(id, 7, "2026-11-12T10:00", 30 + id);
  await course.poll("2026-11-12T20:00");
  const before = await rates(course, "2026-11-12");
  assert.deepEqual([before[0], before[38]], [0, 1]);
  await course.forget("2026-11-14T20:00", 10);
  const [row] = await course.db.sql`select count(*)::int as n from lmsmon.lms_activity_events`;
  assert.equal(row?.["n"], OTHERS, "those of exam 7");
  assert.deepEqual(await rates(course, "2026-11-14"), before);
  for (const day of ["15", "16", "17"]) await course.poll(`2026-11-${day}T20:00`);
  assert.deepEqual(await missed(course), ["39 open", "40 open"]);
});

Deno.test("work that was handed in is not missing when it moves to another course, or was in two for a while", async () => {
  await using course = await october(() => 1);
  const { lms: { execute, writer } } = course;
  await course.exam(7, "2026-11-04T20:00");
  const second = await writer.content({ course_id: 1, content_type: "Exam", examId: 7 });
  for (let id = 1; id <= OTHERS; id++) await course.handIn(id, 7, "2026-11-03T10:00", 30 + id);
  await course.poll("2026-11-03T20:00");
  await execute(`delete from "ChapterContent" where id = ${second}`);
  await course.poll("2026-11-05T20:00");
  assert.deepEqual(await rates(course, "2026-11-05"), [...Array(OTHERS).fill(0), 1, 1], "in two");
  await writer.course({ id: 2, title: "Chemistry" });
  await execute(`update "ChapterContent" set course_id = 2 where "examId" in (1, 2, 3)`);
  await course.exam(8, "2026-12-04T20:00");
  await execute(`update "ChapterContent" set course_id = 2 where "examId" = 8`);
  for (let id = 1; id <= OTHERS + 2; id++) await course.handIn(id, 8, "2026-11-06T10:00", 50);
  await course.poll("2026-11-06T20:00");
  assert.deepEqual(await rates(course, "2026-11-06", "2"), [...Array(OTHERS).fill(0), 1, 1], "moved");
  assert.deepEqual(await rates(course, "2026-11-06"), [...Array(OTHERS).fill(0), 1, 1]);
});
