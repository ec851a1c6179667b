import assert from "node:assert/strict";
import { ConfigError, LmsError } from "../../lib/base/errors.ts";
import { readMapping } from "../../lib/source/mapping.ts";
import { customLms, mappingText } from "../support/presets/custom_lms.ts";
import { PLACES, type PollBench, withBench } from "./poll_bench.ts";

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
    from: select id, user_id as student_id, 10 as activity_id, state, passed as verdict, score, score as percentage from tries
    states: { Handed_In: finished, Under_Review: finished }
    verdicts: { "1": pass, "0": fail, "true": pass, "false": fail }
    ungraded: [Under_Review]
`;
const CONTENT = `
  content:
    rows: [{ table: visits, key: id }]
    from: select id, user_id as student_id, 20 as activity_id, 'done' as state, type as content_type from visits
    states: { done: finished }
    watchable: { always: [Live_Stream] }
`;
const tables = (bool: string) => `
create table users (id int primary key, login varchar(20));
insert into users values (1, 'ana'), (2, 'ben'), (3, 'eva'), (4, 'ida');
create table tries (id int primary key, user_id int, state varchar(20), passed ${bool}, score int);
insert into tries values (1, 1, 'Handed_In', true, 70), (2, 2, 'handed in', false, 20), (3, 3, 'Under_Review', false, 0), (4, 4, 'HANDED-IN', null, null);
create table visits (id int primary key, user_id int, type varchar(20));
insert into visits values (1, 1, 'Live_Stream'), (2, 2, 'live stream'), (3, 3, 'Page');
`;

async function stored(bench: PollBench): Promise<string[]> {
  const rows = await bench.db.sql<{ line: string }[]>`
    select concat_ws(' ', attempt_id, event_type, 'r' || revision, activity_metadata ->> 'verdict') as line
      from lmsmon.lms_activity_events order by event_id`;
  return rows.map(({ line }) => line).sort();
}

Deno.test("a word of `ungraded` that is no state is a mistake, whatever its case", () => {
  assert.throws(
    () => readMapping(mappingText(PEOPLE + EXAM.replace("[Under_Review]", "[under review, Under_Revue]")), "school"),
    (error) => {
      assert.ok(error instanceof ConfigError);
      const [line, ...others] = error.message.split("\n");
      assert.deepEqual(others, []);
      assert.match(
        line ?? "",
        /ungraded: has "Under_Revue", which is no word of `states` \(did you mean "under review"/,
      );
      return true;
    },
  );
  assert.throws(
    () => readMapping(mappingText(`${PEOPLE}  exam: { from: "", rows: [], states: {} }\n`), "school"),
    (error) => error instanceof ConfigError && /rows: must not be empty/.test(error.message),
  );
  assert.throws(
    () => readMapping(mappingText(`${PEOPLE}  exam: { table: t, key: [a], states: {}, hashed: a }\n`), "school"),
    (error) =>
      error instanceof ConfigError && /key: must be a column, or a list of two/.test(error.message) &&
      /hashed: must be a list/.test(error.message),
  );
});

for (const place of PLACES) {
  const { lms: server } = place;
  if (server === null) continue;
  // Hibernate's way of a boolean on MySQL.
  const bool = server.dialect === "postgres" ? "boolean" : "bit(1)";

  Deno.test(`words of a mapping are as the LMS writes them, and bits are numbers [${place.name}]`, () =>
    withBench(place, {}, async (bench) => {
      await using lms = await customLms(server, tables(bool));
      const source = await lms.open(PEOPLE + EXAM + CONTENT);
      await source.check();
      assert.deepEqual(await source.doubts?.(), []);
      const typo = await lms.open(PEOPLE + EXAM + "    hashed: [student_id, state, verdct, score]\n");
      await assert.rejects(typo.check(), /gives no column "verdct", which `hashed` names \(did you mean "verdict"\?\)/);
      await bench.poll({ source });
      assert.deepEqual(await stored(bench), [
        "1 content_watched r1",
        "1 exam_passed r1 pass",
        "2 content_watched r1",
        "2 exam_failed r1 fail",
        "3 content_completed r1",
        "3 exam_completed r1",
        "4 exam_completed r1",
      ]);
    }));

  Deno.test(`a word that is given its meaning later brings what waited for it, once [${place.name}]`, () =>
    withBench(place, {}, async (bench) => {
      await using lms = await customLms(server, tables(bool));
      const none = EXAM.replace(/verdicts: .*/, "verdicts: { yes: pass, no: fail }");
      const before = await lms.open(PEOPLE + none);
      const doubt = (await before.doubts?.() ?? []).join("\n");
      assert.match(doubt, /query exam: no verdict of a sample is a word of `verdicts`, so none counts: "(0|false)"$/m);
      await bench.poll({ source: before });
      const waiting = ["1 exam_completed r1", "2 exam_completed r1", "3 exam_completed r1", "4 exam_completed r1"];
      assert.deepEqual(await stored(bench), waiting);
      const source = await lms.open(PEOPLE + EXAM);
      assert.equal((await bench.poll({ source })).tally.events, 2);
      assert.deepEqual(await stored(bench), [...waiting, "1 exam_passed r2 pass", "2 exam_failed r2 fail"].sort());
      assert.equal((await bench.poll({ source })).tally.events, 0);
      // Rows that are known when the LMS's attempts become several in a row: the next one is no correction.
      const numbered = EXAM.replace("state, passed", "state, 1 + score / 1000 as attempt_no, passed");
      await bench.poll({ source: await lms.open(PEOPLE + numbered) });
      const several = await lms.open(PEOPLE + numbered.replace("ungraded:", "identity: attempt\n    ungraded:"));
      assert.equal((await bench.poll({ source: several })).tally.events, 0);
    }));

  Deno.test(`a driving table in another schema is named with how it is found [${place.name}]`, async () => {
    await using lms = await customLms(server, tables(bool));
    const elsewhere = await lms.open(PEOPLE + EXAM.replace("table: tries", "table: school.tries"));
    await assert.rejects(
      elsewhere.check(),
      server.dialect === "postgres"
        ? /exam, rows: there is no table school\.tries: say `\?schema=school` in lms\.url, and tries here/
        : /exam, rows: there is no table school\.tries in the database of lms\.url/,
    );
  });

  Deno.test(`unix times of the other unit are doubtful, whatever else a row says [${place.name}]`, async () => {
    await using lms = await customLms(server, tables(bool));
    const doubts = async (time: string, form: string) => {
      const exam = EXAM.replace("score as percentage", `${time} as finished_at`) +
        `    times: { finished_at: ${form} }\n`;
      return await (await lms.open(PEOPLE + exam)).doubts?.();
    };
    const of = (time: string) => `case when id = 1 then 0 else ${time} end`;
    assert.deepEqual(await doubts(of("1795600000"), "unix_s"), []);
    assert.deepEqual(await doubts(of("1795600000123"), "unix_ms"), []);
    assert.match(
      String(await doubts(of("1795600000123"), "unix_s")),
      /"finished_at" is read as unix_s, .* looks like unix_ms/,
    );
    assert.match(
      String(await doubts(of("1795600000"), "unix_ms")),
      /"finished_at" is read as unix_ms, .* looks like unix_s/,
    );
  });

  Deno.test(`a query that writes by a function is refused with what to do [${place.name}]`, async () => {
    await using lms = await customLms(server, tables(bool));
    await lms.execute("create sequence numbers");
    const next = server.dialect === "postgres" ? "nextval('numbers')" : "nextval(numbers)";
    const source = await lms.open(PEOPLE + EXAM.replace("score as percentage", `${next} as percentage`));
    await assert.rejects(source.rowsAfter("exam", null, 10), (error) => {
      assert.ok(error instanceof LmsError && /read.only/i.test(error.message), String(error));
      assert.match(`${error.message} ${error.hint}`, /lmsmon only reads: take out of the query what writes or locks/);
      return true;
    });
  });
}
