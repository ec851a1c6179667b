import assert from "node:assert/strict";
import { judgeDay } from "../../lib/insights/find_patterns.ts";
import { fromInstant } from "../../lib/model/time.ts";
import type { PollBench } from "../poll/poll_bench.ts";
import { realMariaDb, realPostgres } from "../support/databases.ts";
import { ASSIGNMENTS, assignmentTruth } from "../support/moodle/moodle_assignments.ts";
import type { MoodleChange } from "../support/moodle/moodle_changes.ts";
import { eventsOfExport, moodleTruth, type TrueEvent } from "../support/moodle/moodle_truth.ts";
import { testData } from "../support/shared_data.ts";
import { SOURCE } from "../tell/outbox_fixture.ts";
import { changed } from "./moodle_changed.ts";
import { MoodleDatabase, storedLines, withMoodleBench } from "./moodle_bench.ts";

const folder = await testData("moodle", "assignments of a real Moodle");

const one = (type: string, told = 1) => () => ({ events: { [type]: 1 }, told });
const set = (table: string, values: string, where: string) => `update {P}${table} set ${values} where ${where}`;

/** In this order; ids are those of ASSIGNMENTS. */
const CHANGES: readonly MoodleChange[] = [
  {
    name: "only times and flags that say nothing are touched",
    statements: [
      set("assign_submission", "timemodified = timemodified + 1, latest = 0", "1 = 1"),
      set("assign_grades", "timemodified = timemodified + 1, grader = 2", "1 = 1"),
      set("assign_user_flags", "locked = 1, extensionduedate = {NOW}", "1 = 1"),
      set("assign", "timemodified = {NOW}, duedate = {NOW}", "1 = 1"),
    ],
    expected: () => ({}),
  },
  {
    name: "another step of the marking workflow, which is not its end",
    statements: [set("assign_user_flags", "workflowstate = 'readyforrelease'", "id = 14")],
    expected: () => ({}),
  },
  {
    name: "a mark is released",
    statements: [set("assign_user_flags", "workflowstate = 'released'", "id = 14")],
    expected: one("exam_passed"),
  },
  {
    name: "the names of an anonymously marked assignment are revealed",
    statements: [set("assign", "revealidentities = 1", "id = 4")],
    expected: one("exam_completed"),
  },
  {
    name: "a draft is handed in, which the next round finds",
    mode: "quick",
    statements: [set("assign_submission", "status = 'submitted', timemodified = {NOW}", "id = 2")],
    expected: one("exam_completed"),
  },
  {
    name: "and marked",
    statements: [
      "insert into {P}assign_grades (id, assignment, userid, timecreated, timemodified, grader, grade) values (2, 1, 8, {NOW}, {NOW}, 3, 50)",
    ],
    expected: one("exam_passed"),
  },
  {
    name: "a mark is corrected, the verdict stays",
    statements: [set("assign_grades", "grade = 72", "id = 5")],
    expected: one("exam_passed", 0),
  },
  {
    name: "another pass mark",
    statements: [set("grade_items", "gradepass = 75", "itemmodule = 'assign' and iteminstance = 1")],
    expected: () => ({ events: { exam_failed: 2 }, told: 2 }),
  },
  {
    name: "a teacher takes a mark back",
    statements: [set("assign_grades", "grade = -1", "id = 9")],
    expected: () => ({}),
  },
  {
    name: "and gives it again",
    statements: [set("assign_grades", "grade = 80", "id = 9")],
    expected: () => ({}),
  },
  {
    name: "a reopened attempt is begun, which the next round finds",
    mode: "quick",
    statements: [set("assign_submission", "status = 'draft'", "id = 7")],
    expected: one("exam_started"),
  },
  {
    name: "a teacher takes a submission back to a draft",
    statements: [set("assign_submission", "status = 'draft'", "id = 3")],
    expected: () => ({ regressions: 1 }),
  },
  {
    name: "somebody hands in at once, which the next round finds",
    mode: "quick",
    statements: [
      "insert into {P}assign_submission (id, assignment, userid, timecreated, timemodified, status, attemptnumber, latest) values (200, 2, 9, {NOW}, {NOW}, 'submitted', 0, 1)",
    ],
    expected: one("exam_completed"),
  },
  {
    name: "who is seen and who completes an assignment is no content",
    statements: [
      "insert into {P}course_modules_viewed (id, coursemoduleid, userid, timecreated) values (9301, 101, 9, {NOW})",
      "insert into {P}course_modules_completion (id, coursemoduleid, userid, completionstate, timemodified) values (900301, 101, 9, 2, {NOW})",
    ],
    expected: () => ({}),
  },
  {
    name: "a state that nobody knows",
    statements: [set("assign_submission", "status = 'floating'", "id = 22")],
    expected: () => ({ quarantined: 1 }),
  },
  {
    name: "and is known again",
    mode: "quick",
    statements: [set("assign_submission", "status = 'submitted'", "id = 22")],
    expected: one("exam_completed"),
  },
  {
    name: "an assignment is deleted",
    statements: [
      "delete from {P}assign_submission where assignment = 9",
      "delete from {P}assign_grades where assignment = 9",
      "delete from {P}course_modules where id = 109",
      "delete from {P}assign where id = 9",
    ],
    expected: () => ({ gone: 2 }),
  },
];

for (const server of [await realPostgres(), await realMariaDb()]) {
  const at = server?.dialect ?? "postgres";
  Deno.test({
    name: `assignments become exactly the events that their tables tell, and quizzes stay what they are [${at}]`,
    ignore: folder === null || server === null,
    fn: async (t) => {
      if (folder === null || server === null) return;
      await using moodle = await MoodleDatabase.restore(server, folder);
      const truth = await moodleTruth(server, moodle.url);
      for (const statement of ASSIGNMENTS) await moodle.execute(statement.replaceAll("{P}", "mdl_"));
      await t.step("who does not ask for them has none", () =>
        withMoodleBench(moodle, {}, async (bench) => {
          await bench.poll();
          assert.deepEqual(await eventsOf(bench, null), truth);
        }));
      await withMoodleBench(moodle, { assignments: true }, async (bench) => {
        await t.step("first contact", async () => {
          const found = await assignmentTruth(server, moodle.url);
          assert.ok(found.length >= 20, `${found.length} events`);
          await bench.poll();
          assert.deepEqual(await eventsOf(bench, "assignment"), found);
          assert.deepEqual(await eventsOf(bench, null), truth);
          assert.equal((await bench.poll()).tally.events, 0);
        });
        await t.step("due dates", async () => {
          const [row] = await bench.db.sql<{ n: number }[]>`
            select count(*)::int as n from lmsmon.activities where kind = 'assignment' and due_at is not null and replaced_at is null`;
          assert.equal(row?.n, 10);
        });
        for (const change of CHANGES) await t.step(change.name, () => changed(moodle, bench, change, "mdl_"));
        await t.step(
          "work that was due is missed, and not by those who have another date",
          () => dueWork(moodle, bench),
        );
      });
    },
  });
}

const COURSE = "2";
const DAY_S = 86_400;

/** Who missed what of the course, as the early warning has it: `student kind activity`. */
async function missedWork(bench: PollBench): Promise<string[]> {
  await bench.poll();
  const now = Temporal.Now.instant();
  const day = now.toZonedDateTimeISO("UTC").toPlainDate().toString();
  const { decided } = await judgeDay(bench.db.sql, { source: SOURCE, day, timezone: "UTC", seen: fromInstant(now) });
  return decided.found.filter(({ type, course }) => type === "deadline_missed" && course === COURSE)
    .flatMap(({ student, activities }) => activities.map(({ kind, id }) => `${student} ${kind} ${id}`)).sort();
}

/** An assignment and a quiz were due a few days ago; some get another date for it: by themselves, by a group, by an extension. */
async function dueWork(moodle: MoodleDatabase, bench: PollBench): Promise<void> {
  const due = Math.floor(Temporal.Now.instant().epochMilliseconds / 1000) - 3 * DAY_S;
  await moodle.execute(set("assign", "duedate = 0", "1 = 1").replace("{P}", "mdl_"));
  await moodle.execute(`update mdl_quiz set timeclose = 0 where course = ${COURSE}`);
  assert.deepEqual(await missedWork(bench), []);
  await moodle.execute(`update mdl_user_enrolments set timestart = ${due - DAY_S}, timecreated = ${due - DAY_S}`);
  await moodle.execute(`update mdl_assign set duedate = ${due} where id = 1`);
  await moodle.execute(`update mdl_quiz set timeclose = ${due} where id = 2`);
  const missed = await missedWork(bench);
  const members = await bench.db.sql<{ id: string }[]>`
    select student_id as id from lmsmon.enrolments where scope = 'course' and scope_id = 2 and active and replaced_at is null`;
  const came = await bench.db.sql<{ work: string }[]>`
    select distinct concat_ws(' ', student_id, kind, activity_id) as work from lmsmon.lms_activity_events where stage = 'finished'`;
  const expected = members.flatMap(({ id }) => [`${id} assignment 101`, `${id} exam 2`])
    .filter((work) => !came.some((done) => done.work === work)).sort();
  assert.deepEqual(missed, expected);
  const [one, two, three] = missed.filter((work) => work.endsWith(" assignment 101")).map((work) => work.split(" ")[0]);
  const [examinee] = missed.filter((work) => work.endsWith(" exam 2")).map((work) => work.split(" ")[0]);
  assert.ok(three !== undefined && examinee !== undefined, missed.join());
  for (
    const statement of [
      `insert into mdl_assign_overrides (id, assignid, userid, duedate) values (1, 1, ${one}, ${due + 30 * DAY_S})`,
      `insert into mdl_groups_members (id, groupid, userid) values (70, 70, ${two})`,
      `insert into mdl_assign_overrides (id, assignid, groupid, duedate) values (2, 1, 70, ${due + 30 * DAY_S})`,
      `insert into mdl_assign_user_flags (id, userid, assignment, extensionduedate) values (70, ${three}, 1, ${
        due + DAY_S
      })`,
      // One that says nothing of the date.
      `insert into mdl_quiz_overrides (id, quiz, groupid, timeclose) values (1, 2, 70, null)`,
      `insert into mdl_quiz_overrides (id, quiz, userid, timeclose) values (2, 2, ${examinee}, 0)`,
    ]
  ) await moodle.execute(statement);
  const exempt = [`${one} assignment 101`, `${two} assignment 101`, `${three} assignment 101`, `${examinee} exam 2`];
  assert.deepEqual(await missedWork(bench), expected.filter((work) => !exempt.includes(work)));
  await moodle.execute("delete from mdl_assign_overrides where id = 1");
  assert.deepEqual(await missedWork(bench), expected.filter((work) => !exempt.slice(1).includes(work)));
}

/** Stored events of one kind; `null`: of all others than assignments. */
async function eventsOf(bench: PollBench, kind: string | null): Promise<TrueEvent[]> {
  const lines = (await storedLines(bench)).filter((line) => {
    const { activity } = JSON.parse(line) as { activity: { kind: string } };
    return kind === null ? activity.kind !== "assignment" : activity.kind === kind;
  });
  return eventsOfExport(lines.join("\n"));
}
