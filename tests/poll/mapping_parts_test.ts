import assert from "node:assert/strict";
import { LmsError } from "../../lib/base/errors.ts";
import { customLms } from "../support/presets/custom_lms.ts";
import { PLACES, withBench } from "./poll_bench.ts";

const PEOPLE = `
people:
  student: {from: "select id, login as username from users"}
  mentor: {from: "select id, login as email from users where 1 = 0"}
links: {from: "select id as mentor_id, id as student_id from users where 1 = 0"}
kinds:
`;
const EXAM = `
  exam:
    rows: [{ table: tries, key: id }]
    from: select id, user_id as student_id, test_id as activity_id, state, done_at as finished_at from tries
    states: { done: finished }
`;
const TABLES = `
create table users (id int primary key, login varchar(20));
insert into users values (1, 'ana'), (2, 'ben');
create table tries (id int primary key, user_id int, test_id int, state varchar(20), done_at timestamp null);
insert into tries values (1, 1, 10, 'done', '2026-11-20 09:00:00');
`;

for (const place of PLACES) {
  const { lms: server } = place;
  if (server === null) continue;

  Deno.test(`a mapping says for whom a date does not hold, and what a course ends with [${place.name}]`, () =>
    withBench(place, {}, async (bench) => {
      await using lms = await customLms(server, TABLES);
      await lms.execute(
        "create table tests (id int primary key, title varchar(20), opens bigint, due bigint, is_last int)",
      );
      await lms.execute("insert into tests values (10, 'T', 0, 1795165000, 0), (11, 'U', 0, 1795165000, 1)");
      await lms.execute("create table others (user_id int, test_id int)");
      await lms.execute("insert into others values (1, 10), (1, 10), (2, 11)");
      const source = await lms.open(`${PEOPLE}${EXAM}
context:
  activities: { kind: exam, table: tests, key: id, columns: { title: title, opens: opens, due: due, final: is_last }, times: unix_s }
  exemptions:
    student: o.user_id
    from: |
      select o.user_id as student_id, 'exam' as kind, o.test_id as activity_id from others o where {students} and o.test_id = 10
      union all
      select o.user_id, 'EXAM', o.test_id from others o where {students} and o.test_id > 10
`);
      await source.check();
      const exempt = async () =>
        (await bench.db.sql<{ line: string }[]>`
        select concat_ws(' ', student_id, kind, activity_id) as line from lmsmon.exemptions where replaced_at is null`)
          .map(({ line }) => line).sort();
      await bench.poll({ source });
      assert.deepEqual(await exempt(), ["1 exam 10", "2 exam 11"]);
      const last = await bench.db.sql<{ id: string }[]>`select activity_id as id from lmsmon.activities where is_final`;
      assert.deepEqual(last.map(({ id }) => id), ["11"]);
      await lms.execute("delete from others where user_id = 1");
      await bench.poll({ source });
      assert.deepEqual(await exempt(), ["2 exam 11"]);
    }));

  Deno.test(`a student who does nothing any more changes mentors, without enrolments too [${place.name}]`, () =>
    withBench(place, {}, async (bench) => {
      await using lms = await customLms(server, TABLES);
      await lms.execute("create table mentoring (mentor_id int, student_id int)");
      await lms.execute("insert into mentoring values (7, 1)");
      const links = 'links: {from: "select mentor_id, student_id from mentoring"}';
      const source = await lms.open(`${PEOPLE.replace(/^links: .*$/m, links)}${EXAM}`);
      const mentors = async () =>
        (await bench.db.sql<{ ids: string }[]>`
          select mentor_ids::text as ids from lmsmon.mentor_links where student_id = 1`)[0]?.ids;
      await bench.poll({ source });
      assert.equal(await mentors(), "{7}");
      await lms.execute("update mentoring set mentor_id = 8");
      await bench.poll({ source, mode: "quick" });
      assert.equal(await mentors(), "{7}", "a quick poll has no time for it");
      await bench.poll({ source });
      assert.equal(await mentors(), "{8}");
    }));

  Deno.test(`a kind "assignment" that reads a table is checked, and its times read, as an exam's are [${place.name}]`, () =>
    withBench(place, {}, async (bench) => {
      await using lms = await customLms(server, TABLES);
      const yaml = `${PEOPLE}
  assignment:
    table: tries
    key: id
    columns: { student_id: user_id, activity_id: test_id, state: state, finished_at: done_at }
    hashed: [user_id, test_id, state]
    states: { done: finished }
`;
      const source = await lms.open(yaml, { changes: { timezone: "Asia/Kolkata" } });
      await source.check();
      await bench.poll({ source });
      const [event] = await bench.db.sql<{ kind: string; at: string }[]>`
        select kind, to_char(timestamp at time zone 'UTC', 'HH24:MI') as at from lmsmon.lms_activity_events`;
      // A timestamp of MySQL knows its instant, one of PostgreSQL without a zone is the LMS's.
      assert.deepEqual({ ...event }, { kind: "assignment", at: server.dialect === "postgres" ? "03:30" : "09:00" });
      const wrong = await lms.open(yaml.replace("finished_at: done_at", "finished_at: ended_at"));
      await assert.rejects(wrong.check(), /tries\.ended_at/);
    }));

  Deno.test(`a time without a zone is none with one [${place.name}]`, async () => {
    await using lms = await customLms(server, TABLES);
    const zoneless = server.dialect === "postgres" ? "done_at" : "cast(done_at as datetime)";
    const source = await lms.open(
      `${PEOPLE}${EXAM.replace("done_at as", `${zoneless} as`)}    times: { finished_at: zoned }\n`,
    );
    await assert.rejects(source.check(), (error) => {
      assert.ok(error instanceof LmsError);
      assert.match(error.message, /"finished_at" is .*, which has no zone: say utc, or zoneless/);
      return true;
    });
  });
}
