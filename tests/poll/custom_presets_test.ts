import assert from "node:assert/strict";
import { findsNew } from "../../lib/app/finds_new.ts";
import { withOwnKeys } from "../../lib/app/own_keys.ts";
import { stateKeyStore } from "../../lib/app/state_key_store.ts";
import { textId } from "../../lib/model/key_space.ts";
import { customLms } from "../support/presets/custom_lms.ts";
import { PLACES, type PollBench, withBench } from "./poll_bench.ts";
import type { TestServer } from "../support/databases.ts";

const example = (name: string) => Deno.readTextFile(new URL(`../../docs/presets/${name}.yaml`, import.meta.url));
const script = (name: string) => Deno.readTextFile(new URL(`../support/presets/${name}.sql`, import.meta.url));

/** `student activity type revision graded percentage attempt`, each id as the LMS has it, sorted. */
async function told(bench: PollBench): Promise<string[]> {
  const rows = await bench.db.sql<{ line: string }[]>`
    select concat_ws(' ', lmsmon.lms_key(student_id), lmsmon.lms_key(activity_id), event_type, 'r' || revision,
      case when activity_metadata ->> 'graded' = 'true' then 'graded' end,
      activity_metadata ->> 'percentage', 'no' || attempt_no) as line
    from lmsmon.lms_activity_events`;
  return rows.map(({ line }) => line.replaceAll(/(\w)[0-9]000000-0000-4000-8000-0{6,}(\w+)/g, "$1$2")).sort();
}

type Lms = Awaited<ReturnType<typeof customLms>>;
type Work = (bench: PollBench, lms: Lms, yaml: string) => Promise<void>;

/** Registers a test of an example, on each kind of server it is for. */
function onServers(name: string, mapping: string, only: TestServer["dialect"] | null, work: Work): void {
  for (const place of PLACES) {
    const { lms: server } = place;
    if (server === null || (only !== null && only !== server.dialect)) continue;
    Deno.test(`${name} [${place.name}]`, () =>
      withBench(place, {}, async (bench) => {
        await using lms = await customLms(server, await script(mapping));
        await work(bench, lms, await example(mapping));
      }));
  }
}

const UUID = "0000000-0000-4000-8000-000000000001";

onServers(
  "UUID keys: each event once, news by a hint or the full pass, and the LMS's own keys everywhere",
  "uuid",
  null,
  async (bench, lms, yaml) => {
    const keyStore = stateKeyStore(bench.db);
    const source = await lms.open(yaml, { keyStore });
    await source.check();
    assert.deepEqual(await source.doubts?.(), []);
    const twice = await lms.open(
      yaml.replace(
        "left join courses c on c.id = t.course_id",
        "join users u on 1 = 1 left join courses c on c.id = t.course_id",
      ),
      { keyStore },
    );
    assert.match((await twice.doubts?.() ?? []).join(), /query exam: several rows have one key in a sample/);
    await bench.poll({ source });
    const past = [
      "a1 71 content_watched r1 no1",
      "a1 d1 exam_failed r1 graded 40 no1",
      "a2 d1 exam_started r1 no1",
      "a2 d2 exam_completed r1 graded 70 no1",
    ];
    assert.deepEqual((await told(bench)).map((line) => line.replace(/^a1 \S+ content/, "a1 71 content")), past);
    assert.equal((await bench.poll({ source })).tally.events, 0);
    // Another process: the dictionary is the state's.
    const later = await lms.open(yaml, { keyStore });
    await lms.execute(
      "update submissions set status = 'handed in', points = 15 where points is null and is_trial = false",
    );
    assert.equal(
      (await bench.poll({ source: later, mode: "quick" })).tally.events,
      1,
      "open rows are read by their keys",
    );
    await lms.execute(
      `insert into submissions (id, user_id, test_id, status, points, is_trial, started_at, handed_in_at) values ` +
        `('9${UUID}', 'a${UUID}', 'd${UUID}', 'handed in', 20, false, '2026-11-21 09:00:00', '2026-11-21 09:10:00')`,
    );
    const without = await lms.open(yaml.replace(/newest: .*/, ""), { keyStore });
    assert.deepEqual(
      [findsNew(without, "exam"), findsNew(later, "exam"), findsNew(later, "content")],
      [
        "by the full pass: their keys do not ascend, and nothing hints at them",
        "in every poll by submissions.started_at, a hint, and by the full pass whatever it says",
        "by the full pass: their keys do not ascend, and nothing hints at them",
      ],
    );
    assert.equal((await bench.poll({ source: without, mode: "quick" })).tally.events, 0);
    assert.equal((await bench.poll({ source: later, mode: "quick" })).tally.events, 1, "the newest by a column");
    // A log that has the keys, too, and several lines of one row.
    await lms.execute("create table changes (id int primary key, submission uuid)");
    await lms.execute(
      `insert into submissions (id, user_id, test_id, status, points, is_trial) values ` +
        `('8${UUID}', 'a${UUID}', 'd${UUID}', 'handed in', 2, false)`,
    );
    await lms.execute(`insert into changes values (1, '8${UUID}'), (2, '8${UUID}'), (3, null)`);
    assert.equal((await bench.poll({ source: later, mode: "quick" })).tally.events, 0, "no time, no hint");
    const logged = await lms.open(
      yaml.replace(/newest: .*/, "newest: { table: changes, key: submission, column: id }"),
      { keyStore },
    );
    assert.equal((await bench.poll({ source: logged, mode: "quick" })).tally.events, 1, "the newest by a log");
    await lms.execute(`delete from submissions where id = '8${UUID}'`);
    assert.equal((await bench.poll({ source: later })).tally.events, 0);
    assert.deepEqual((await told(bench)).filter((line) => line.includes("passed")), [
      "a1 d1 exam_passed r1 graded 100 no2",
      "a2 d1 exam_passed r1 graded 75 no1",
    ]);
    await lms.execute(`delete from submissions where id = '9${UUID}'`);
    assert.equal((await bench.poll({ source: later })).tally.rowsMissing, 1);
    assert.deepEqual(
      await withOwnKeys({ to: `mentor:${textId("mentor", `b${UUID}`)}`, n: 7n }, (ids) => later.shownKeys(ids)),
      { to: `mentor:b${UUID}`, n: 7n },
    );
    const edited = await lms.open(yaml.replace("s.points as score", "s.points + 0 as score"), { keyStore });
    assert.equal(
      (await bench.poll({ source: edited })).tally.events,
      0,
      "an edited query is a new recipe, and gives no event",
    );
    const [line] = await bench.db.sql<{ line: string }[]>`
    select line from lmsmon.export_v1 where event_type = 'exam_failed'`;
    const exported = JSON.parse(line?.line ?? "{}");
    assert.deepEqual(
      [
        exported.student.id,
        exported.mentors[0].id,
        exported.activity.id,
        exported.activity.attempt_id,
        exported.activity.course,
      ],
      [`a${UUID}`, `b${UUID}`, `d${UUID}`, "50000000-0000-4000-8000-00000000000f", "Algebra"],
    );
  },
);

onServers(
  "Canvas: the next attempt in the same row is an attempt of its own, and a mark without a pass mark a result",
  "canvas",
  "postgres",
  async (bench, lms, yaml) => {
    bench.standIn.addUser({ email: "mentor1@institute.example", fullName: "Olga" });
    const source = await lms.open(yaml);
    await source.check();
    await bench.poll({ source });
    await lms.execute("update submissions set attempt = 2, workflow_state = 'submitted', score = null");
    await bench.poll({ source });
    await lms.execute("update submissions set workflow_state = 'graded', score = 18");
    await bench.poll({ source });
    assert.equal((await bench.poll({ source })).tally.events, 0);
    assert.deepEqual(await told(bench), [
      "1 9 exam_completed r1 graded 60 no1",
      "1 9 exam_completed r1 no2",
      "1 9 exam_completed r2 graded 90 no2",
    ]);
    const changes = await bench.db.sql<{ change: string | null }[]>`
    select change from lmsmon.lms_activity_events order by event_id`;
    assert.deepEqual(changes.map(({ change }) => change), [null, null, "first_result"]);
  },
);

onServers(
  "Open edX: grades and completion on MySQL, with keys of blocks",
  "openedx",
  "mysql",
  async (bench, lms, yaml) => {
    const source = await lms.open(yaml, { keyStore: stateKeyStore(bench.db) });
    await source.check();
    await bench.poll({ source });
    assert.equal((await bench.poll({ source })).tally.events, 0);
    assert.deepEqual(await told(bench), [
      "1 block-v1:X+A+1+type@sequential+block@unit1 exam_completed r1 graded 75 no1",
      "1 block-v1:X+A+1+type@video+block@film content_watched r1 no1",
    ]);
  },
);

onServers(
  "LearnDash: keys and values, a prefix, and unix seconds that no zone moves",
  "learndash",
  "mysql",
  async (bench, lms, yaml) => {
    const source = await lms.open(yaml, { changes: { timezone: "Asia/Kolkata" } });
    await source.check();
    await bench.poll({ source });
    assert.deepEqual(
      await told(bench),
      ["1 9 exam_passed r1 85 no1", "1 9 exam_started r1 no2"].map((line) => line.replace("r1 85", "r1 graded 85")),
    );
    const [row] = await bench.db.sql<{ at: string; mentors: number }[]>`
    select extract(epoch from e.timestamp)::bigint::text as at, cardinality(s.mentor_ids)::int as mentors
    from lmsmon.lms_activity_events e join lmsmon.mentor_sets s using (mentor_set_id) where event_type = 'exam_passed'`;
    assert.deepEqual({ ...row }, { at: "1795165000", mentors: 1 });
    // Rows that the query leaves out, behind all others, are looked at once.
    await lms.execute(
      "insert into wp_learndash_user_activity select 9000, user_id, post_id, course_id, 'lesson', activity_status, " +
        "activity_started, activity_completed from wp_learndash_user_activity limit 1",
    );
    await bench.poll({ source, mode: "quick" });
    const [stream] = await bench.db.sql`select highest_row_key::text as at from lmsmon.streams where kind = 'exam'`;
    assert.equal(stream?.["at"], "9000");
  },
);

const BINARY = `
people:
  student: {from: "select id, login as username from users"}
  mentor: {from: "select id, login as username, login as email from users where 1 = 0"}
links: {from: "select id as mentor_id, id as student_id from users where 1 = 0"}
kinds:
  exam:
    key_type: binary
    rows: [{ table: tries, key: id }]
    newest: { column: written }
    from: select id, user_id as student_id, 3 as activity_id, state, points as score from tries
    states: { begun: running, done: finished }
`;

for (const place of PLACES) {
  const { lms: server } = place;
  if (server === null) continue;
  const bytes = (hex: string) => server.dialect === "postgres" ? `decode('${hex}', 'hex')` : `unhex('${hex}')`;
  const [first, second, third] = ["00".repeat(15) + "0a", "ff".repeat(16), "270c5c27".repeat(4)];
  Deno.test(`keys of bytes are shown in hexadecimal, and read back by them [${place.name}]`, () =>
    withBench(place, {}, async (bench) => {
      const type = server.dialect === "postgres" ? "bytea" : "binary(16)";
      await using lms = await customLms(
        server,
        `create table users (id int primary key, login varchar(20));\ninsert into users values (1, 'ana');\n` +
          `create table tries (id ${type} primary key, user_id int, state varchar(20), points int, written int);\n` +
          `insert into tries values (${bytes(first)}, 1, 'begun', null, 1), (${bytes(second)}, 1, 'done', 5, 2);\n`,
      );
      const keyStore = stateKeyStore(bench.db);
      const source = await lms.open(BINARY, { keyStore });
      await source.check();
      assert.equal((await bench.poll({ source })).tally.events, 2);
      assert.equal((await bench.poll({ source })).tally.rowsChanged, 0);
      const later = await lms.open(BINARY, { keyStore });
      await lms.execute(`update tries set state = 'done', points = 7 where id = ${bytes(first)}`);
      await lms.execute(`insert into tries values (${bytes(third)}, 1, 'done', 9, 3)`);
      assert.equal(
        (await bench.poll({ source: later, mode: "quick" })).tally.events,
        2,
        "one by its key, one by the hint",
      );
      assert.equal((await bench.poll({ source: later })).tally.rowsChanged, 0);
      const keys = await bench.db.sql<{ key: string }[]>`
        select distinct lmsmon.lms_key(attempt_id) as key from lmsmon.lms_activity_events order by 1`;
      assert.deepEqual(keys.map(({ key }) => key), [first, third, second].sort());
      assert.deepEqual((await later.inspect("exam")).warnings, []);
    }));
}
