import assert from "node:assert/strict";
import postgres from "postgres";
import { stateKeyStore } from "../../lib/app/state_key_store.ts";
import { LmsError } from "../../lib/base/errors.ts";
import { bucketIn, highestBucket, lowestBucket } from "../../lib/model/bucket.ts";
import { KEY_SPACES } from "../../lib/model/key_space.ts";
import { openLms } from "../../lib/source/open_lms.ts";
import { PLACES, withBench } from "../poll/poll_bench.ts";
import { realPostgres, withPostgres } from "../support/databases.ts";
import { testLmsConfig } from "../support/lms/test_lms_config.ts";
import { customLms, mappingText } from "../support/presets/custom_lms.ts";

const tries = (from: string) => `
people:
  student: {from: "select 1 as id, 'ana' as username"}
  mentor: {from: "select 1 as id, 'x' as email"}
links: {from: "select 1 as mentor_id, 1 as student_id"}
kinds:
  exam:
    key_type: text
    rows: [{ table: tries, key: id }]
    from: ${from}
    states: { begun: running, done: finished }
`;
const STUDENT = "5d000000-abcd-4000-8000-00000000000a", MENTOR = "3e000000-abcd-4000-8000-00000000000b";
const CAPITALS = `
ids: { student: text, mentor: text }
people:
  student: {from: "select id, 'ana' as username from people where role = 's'"}
  mentor: {from: "select id, 'x@institute.example' as email from people where role = 'm'"}
links: {from: "select mentor_id, student_id from links"}
kinds:
  exam:
    rows: [{ table: tries, key: id }]
    from: select id, student as student_id, 1 as activity_id, 'done' as state from tries
    states: { done: finished }
`;
const FROM = "select id, 1 as student_id, test as activity_id, state from tries";

for (const place of PLACES) {
  const { lms: server } = place;
  if (server === null) continue;
  const isPostgres = server.dialect === "postgres";
  const table = (type: string, keys: readonly string[]) =>
    `create table tries (id ${type} primary key, test int, state varchar(20));\n` +
    keys.map((key, i) => `insert into tries values (${key}, ${i}, 'begun');\n`).join("");
  const exact = isPostgres ? "text" : "varchar(60) character set utf8mb4 collate utf8mb4_bin";

  Deno.test(`keys that have signs of a replacement in them are looked up as they are [${place.name}]`, () =>
    withBench(place, {}, async (bench) => {
      await using lms = await customLms(server, table(exact, ["'a$$b'", "'a$&b'", "'$`'"]));
      const keyed = FROM.replace("select id,", "select k.id,").replace(
        "from tries",
        "from {keys} k join tries t on t.id = k.id",
      );
      const source = await lms.open(tries(keyed), { keyStore: stateKeyStore(bench.db) });
      assert.equal((await bench.poll({ source })).tally.events, 3);
      assert.equal((await bench.poll({ source })).tally.rowsMissing, 0);
      await lms.execute("update tries set state = 'done'");
      assert.equal((await bench.poll({ source, mode: "quick" })).tally.events, 3);
    }));

  Deno.test(`a query that compares keys whatever their case gives only the rows asked for [${place.name}]`, () =>
    withBench(place, {}, async (bench) => {
      await using lms = await customLms(server, table(exact, ["'abc'", "'ABC'"]));
      if (isPostgres) {
        await lms.execute(
          "create collation any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        );
      }
      const collation = isPostgres ? "any_case" : "utf8mb4_general_ci";
      const source = await lms.open(tries(FROM.replace("select id", `select id collate ${collation} as id`)), {
        keyStore: stateKeyStore(bench.db),
      });
      await lms.execute("update tries set state = 'done' where test = 1");
      assert.equal((await bench.poll({ source })).tally.events, 2);
      assert.equal(
        (await bench.poll({ source, mode: "quick" })).tally.events,
        0,
        "the one that is open is read, and it alone",
      );
      await lms.execute("update tries set state = 'done' where test = 0");
      assert.equal((await bench.poll({ source, mode: "quick" })).tally.events, 1);
    }));

  if (!isPostgres) {
    Deno.test(`a UUID is one person, whichever table writes it in capitals [${place.name}]`, () =>
      withBench(place, {}, async (bench) => {
        await using lms = await customLms(
          server,
          "create table people (id char(36) primary key, role char(1));\n" +
            "create table links (mentor_id char(36), student_id char(36));\n" +
            "create table tries (id int primary key, student char(36));\n" +
            `insert into people values ('${STUDENT}', 's'), ('${MENTOR.toUpperCase()}', 'm');\n` +
            `insert into links values ('${MENTOR}', '${STUDENT.toUpperCase()}');\n` +
            `insert into tries values (1, '${STUDENT.toUpperCase()}'), (2, '${STUDENT}');\n`,
        );
        const source = await lms.open(CAPITALS, { keyStore: stateKeyStore(bench.db) });
        assert.equal((await bench.poll({ source })).tally.events, 2);
        const people = await bench.db.sql`select role, username, email from lmsmon.people order by role`;
        assert.deepEqual(people.map(({ role, username, email }) => [role, username ?? email]), [
          ["mentor", "x@institute.example"],
          ["student", "ana"],
        ]);
        const [{ n } = {}] = await bench.db.sql`
          select count(distinct mentor_id)::int as n from lmsmon.lms_activity_events where mentor_id is not null`;
        assert.equal(n, 1);
        assert.equal((await bench.poll({ source })).tally.events, 0);
      }));

    Deno.test(`a key with a byte of 0 is in quarantine, and hinders no other [${place.name}]`, () =>
      withBench(place, {}, async (bench) => {
        await using lms = await customLms(server, table(exact, ["'good'", "concat('x', char(0), 'y')"]));
        const source = await lms.open(tries(FROM), { keyStore: stateKeyStore(bench.db) });
        const { tally } = await bench.poll({ source });
        assert.deepEqual([tally.events, tally.quarantined], [1, 1]);
      }));
  }

  Deno.test(`keys and ids that are bytes are refused with what to say instead [${place.name}]`, async () => {
    const bytes = isPostgres ? "bytea" : "binary(16)";
    const one = isPostgres ? "'\\x00ff'" : "unhex('00ff')";
    await using lms = await customLms(server, table(bytes, [one]));
    const source = await lms.open(tries(FROM.replace("1 as student_id", "id as student_id")));
    await assert.rejects(source.check(), (error) => {
      assert.ok(error instanceof LmsError);
      assert.match(error.message, /key "id" is bytes, and no text: say `key_type: binary`/);
      assert.match(error.message, /column "student_id" is bytes: select lower\(hex/);
      return true;
    });
  });
}

const server = await realPostgres();
Deno.test({
  name: "keys of texts are the same ids to a PostgreSQL whose encoding is another",
  ignore: server === null,
  fn: async () => {
    if (server === null) return;
    const place = PLACES.find(({ lms }) => lms === server);
    if (place === undefined) return;
    const name = `lmsmon_latin1_${crypto.randomUUID().slice(0, 8)}`;
    const url = new URL(server.url);
    url.pathname = `/${name}`;
    await withPostgres(
      server.url,
      (sql) => sql.unsafe(`create database ${name} template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'`),
    );
    try {
      const sql = postgres(url.href, { max: 1, fetch_types: false, onnotice: () => {} });
      await sql.unsafe("create table tries (id text primary key, test int, state text)");
      await sql.unsafe("insert into tries values ('é', 1, 'begun'), ('plain', 2, 'begun'), ('ß-2', 3, 'begun')");
      await sql.end({ timeout: 5 });
      await withBench(place, {}, async (bench) => {
        const config = testLmsConfig(url.href, { preset: "custom", mapping: mappingText(tries(FROM)) });
        const source = await openLms(config, { keyStore: stateKeyStore(bench.db) });
        try {
          assert.equal((await bench.poll({ source })).tally.events, 3);
          const { bucketSize } = KEY_SPACES.text;
          const ids = (await source.rowsAfter("exam", null, 10)).rows.map(({ id }) => id);
          const sums = await source.buckets("exam", lowestBucket(bucketSize), highestBucket(bucketSize) + 1n);
          assert.deepEqual(
            new Set(sums.map(({ bucket }) => String(bucket))),
            new Set(ids.map((id) => String(bucketIn(id, bucketSize)))),
            "the LMS counts them where they are kept, or each pass would read them anew",
          );
        } finally {
          await source.close();
        }
      });
    } finally {
      await withPostgres(server.url, (sql) => sql.unsafe(`drop database ${name} with (force)`));
    }
  },
});
