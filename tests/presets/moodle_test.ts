import assert from "node:assert/strict";
import { armFailPoints, FAIL_POINTS } from "../../lib/base/fail_point.ts";
import { realMariaDb, realPostgres } from "../support/databases.ts";
import { MOODLE_CHANGES } from "../support/moodle/moodle_changes.ts";
import { countsOf, moodleTruth } from "../support/moodle/moodle_truth.ts";
import { renameTables } from "../support/moodle/restore_moodle.ts";
import { testData } from "../support/shared_data.ts";
import type { PollBench } from "../poll/poll_bench.ts";
import { changed } from "./moodle_changed.ts";
import {
  MoodleDatabase,
  type MoodleDatabase as Moodle,
  otherState,
  storedEvents,
  withMoodleBench,
} from "./moodle_bench.ts";

const folder = await testData("moodle", "polls of a real Moodle");

const COUNTS = {
  postgres: {
    exam_started: 2,
    exam_completed: 23,
    graded: 21,
    exam_failed: 14,
    exam_passed: 24,
    content_started: 14,
    content_completed: 23,
  },
  mysql: {
    exam_started: 2,
    exam_completed: 23,
    graded: 21,
    exam_failed: 14,
    exam_passed: 26,
    content_started: 14,
    content_completed: 24,
  },
};

for (const server of [await realPostgres(), await realMariaDb()]) {
  const at = server?.dialect ?? "postgres";
  Deno.test({
    name: `a real Moodle becomes exactly the events that its tables tell, and changes become what they are [${at}]`,
    ignore: folder === null || server === null,
    fn: async (t) => {
      if (folder === null || server === null) return;
      await using moodle = await MoodleDatabase.restore(server, folder);
      await t.step("first contact that dies at every step ends as if it had not", () => dyingFirstContact(moodle));
      await t.step(
        "an embedded state and one on a server hold the same",
        () => withMoodleBench(moodle, {}, (bench) => firstContact(moodle, bench, "mdl_"), otherState(moodle)),
      );
      await t.step(
        "a verdict at the edge of the pass mark is that of the grade rounded to five places",
        () => edges(moodle),
      );
      await renameTables(server.dialect, moodle.execute, await tablesOf(moodle), "m2_");
      await withMoodleBench(moodle, { prefix: "m2_" }, async (bench) => {
        await t.step("another prefix", () => firstContact(moodle, bench, "m2_"));
        await t.step(
          "due dates of quizzes and who takes part in which course",
          () => courseContext(moodle, bench, "m2_"),
        );
        for (const change of MOODLE_CHANGES) {
          await t.step(change.name, () => changed(moodle, bench, change, "m2_"));
        }
      });
    },
  });
}

async function firstContact(moodle: Moodle, bench: PollBench, prefix: string): Promise<void> {
  const truth = await moodleTruth(moodle.server, moodle.url, prefix);
  assert.deepEqual(countsOf(truth), COUNTS[moodle.server.dialect]);
  await bench.poll();
  assert.deepEqual(await storedEvents(bench), truth);
  assert.equal((await bench.poll()).tally.events, 0);
}

/** Polls die after each commit in turn, and go on from what is stored. */
async function dyingFirstContact(moodle: Moodle): Promise<void> {
  await withMoodleBench(moodle, {}, async (bench) => {
    const died: string[] = [];
    for (const point of FAIL_POINTS.filter((point) => /^(record|poll)\./.test(point))) {
      armFailPoints((hit) => {
        if (hit !== point) return;
        armFailPoints(() => {});
        died.push(point);
        throw new Error(`died at ${point}`);
      });
      await bench.poll().catch((error: Error) => assert.match(error.message, /^died at /));
    }
    armFailPoints(() => {});
    await bench.poll();
    assert.ok(died.length >= 4, died.join(", "));
    assert.deepEqual(await storedEvents(bench), await moodleTruth(moodle.server, moodle.url));
  });
}

/** Raw marks right around what passes, on scales whose grades are no finite decimals; every change is undone. */
async function edges(moodle: Moodle): Promise<void> {
  const { execute, server } = moodle;
  const sql = async (statement: string) => {
    const answer = await execute(statement) as unknown[];
    return (server.dialect === "postgres" ? answer : answer[0]) as { id: string | number; verdict: string }[];
  };
  await sql("create table edges_kept as select id, state, sumgrades from mdl_quiz_attempts where quiz = 1");
  const [quiz] = await sql("select sumgrades as id, grade as verdict from mdl_quiz where id = 1");
  const [item] = await sql(
    "select gradepass as id, 0 as verdict from mdl_grade_items where itemmodule = 'quiz' and iteminstance = 1",
  );
  const verdicts = new Set<string>();
  const lms = await moodle.open();
  for (
    const [best, scale, pass] of [["3", "10", "3.33333"], ["7", "10", "4.28571"], ["0.7", "6.5", "3.25"], [
      "30",
      "100",
      "50",
    ]]
  ) {
    await sql(`update mdl_quiz set sumgrades = ${best}, grade = ${scale} where id = 1`);
    await sql(`update mdl_grade_items set gradepass = ${pass} where itemmodule = 'quiz' and iteminstance = 1`);
    await sql(`update mdl_quiz_attempts set state = 'finished',
      sumgrades = round(${pass} * ${best} / ${scale}, 5) + (id % 5 - 2) * 0.00001 where quiz = 1`);
    const truth = await sql(`
      select a.id, case when round(a.sumgrades * ${scale} / ${best}, 5) >= ${pass} then 'pass' else 'fail' end as verdict
        from mdl_quiz_attempts a join mdl_user u on u.id = a.userid and u.deleted = 0 and u.username <> 'guest'
       where a.quiz = 1 and a.preview = 0 order by a.id`);
    const { rows } = await lms.rowsAfter("exam", null, 1000);
    const read = new Map(rows.map(({ id, verdict }) => [id, verdict]));
    assert.deepEqual(
      truth.map(({ id }) => read.get(String(id))),
      truth.map(({ verdict }) => verdict),
      `${best} ${scale}`,
    );
    for (const { verdict } of truth) verdicts.add(verdict);
  }
  await lms.close();
  assert.deepEqual([...verdicts].sort(), ["fail", "pass"]);
  await sql(
    "update mdl_quiz_attempts set state = (select k.state from edges_kept k where k.id = mdl_quiz_attempts.id)," +
      " sumgrades = (select k.sumgrades from edges_kept k where k.id = mdl_quiz_attempts.id) where quiz = 1",
  );
  await sql(`update mdl_quiz set sumgrades = ${quiz?.id}, grade = ${quiz?.verdict} where id = 1`);
  await sql(`update mdl_grade_items set gradepass = ${item?.id} where itemmodule = 'quiz' and iteminstance = 1`);
  await sql("drop table edges_kept");
}

/** What an early warning is judged by is kept as the site has it, and what is replaced stays with its time. */
async function courseContext(moodle: Moodle, bench: PollBench, prefix: string): Promise<void> {
  const { sql } = bench.db;
  const inCourses = async () =>
    (await sql<{ row: string }[]>`
      select concat_ws(' ', student_id, scope_id, case when active then 1 else 0 end, extract(epoch from joined_at)::bigint) as row
        from lmsmon.enrolments where scope = 'course' and replaced_at is null`).map(({ row }) => row).sort();
  const dates = async () =>
    (await sql<{ row: string }[]>`
      select concat_ws(' ', activity_id, course_id, coalesce(extract(epoch from opens_at)::bigint, 0),
             coalesce(extract(epoch from due_at)::bigint, 0)) as row
        from lmsmon.activities where kind = 'exam' and replaced_at is null`).map(({ row }) => row).sort();
  const site = async (query: string) => {
    const answer = await moodle.execute(query.replaceAll("{P}", prefix)) as { row: string }[] | [{ row: string }[]];
    return (moodle.server.dialect === "postgres" ? answer as { row: string }[] : (answer as [{ row: string }[]])[0])
      .map(({ row }) => row).sort();
  };
  const enrolled = `select concat_ws(' ', u.id, e.courseid, case when u.suspended = 0 and exists (
      select 1 from {P}user_enrolments x join {P}enrol y on y.id = x.enrolid where x.userid = u.id and y.courseid = e.courseid
         and x.status = 0 and y.status = 0) then 1 else 0 end,
      min(case when ue.timestart > 0 then ue.timestart else ue.timecreated end)) as ${name(moodle)}
    from {P}user_enrolments ue join {P}enrol e on e.id = ue.enrolid
    join {P}user u on u.id = ue.userid and u.deleted = 0 and u.username <> 'guest'
    group by u.id, e.courseid, u.suspended`;
  const dated = `select concat_ws(' ', id, course, timeopen, timeclose) as ${name(moodle)} from {P}quiz`;
  assert.deepEqual(await inCourses(), await site(enrolled));
  assert.deepEqual(await dates(), await site(dated));
  assert.ok((await inCourses()).length > 20 && (await dates()).length > 5);
  await moodle.execute(
    `update ${prefix}quiz set timeclose = 1900000000 where id = (select min(quiz) from ${prefix}quiz_attempts)`,
  );
  await bench.poll();
  assert.deepEqual(await dates(), await site(dated));
  const [replaced] = await sql<{ n: number }[]>`
    select count(*)::int as n from lmsmon.activities where kind = 'exam' and replaced_at is not null`;
  assert.equal(replaced?.n, 1);
}

/** A name that neither database keeps for itself. */
const name = ({ server }: Moodle) => server.dialect === "postgres" ? '"row"' : "`row`";

async function tablesOf({ server, execute }: Moodle): Promise<string[]> {
  const found = await execute(
    "select table_name as name from information_schema.tables where table_name like 'mdl!_%' escape '!' and table_schema = " +
      (server.dialect === "postgres" ? "'public'" : "database()"),
  );
  const rows = server.dialect === "postgres" ? found : (found as unknown[])[0];
  return (rows as { name: string }[]).map(({ name }) => name);
}
