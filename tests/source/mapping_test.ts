import assert from "node:assert/strict";
import { stringify } from "yaml";
import { type Preset } from "../../sql/lms/preset.ts";
import { PRESET_NAMES, presetOf } from "../../sql/lms/presets.ts";
import { testpress } from "../../sql/lms/testpress/preset.ts";
import { tryKind } from "../../lib/app/preset.ts";
import { ConfigError, LmsError } from "../../lib/base/errors.ts";
import type { Kind } from "../../lib/model/event_types.ts";
import { mappingSchema, readMapping } from "../../lib/source/mapping.ts";
import { recipeOf } from "../../lib/source/recipe.ts";
import { writtenMapping } from "../../lib/source/mapping_names.ts";
import { statementProblem } from "../../lib/source/one_select.ts";
import { realMariaDb, realPostgres } from "../support/databases.ts";
import { customLms, mappingText } from "../support/presets/custom_lms.ts";

const people = `
people:
  student: {from: "select id, login as username from users"}
  mentor: {from: "select id, mail as email from users"}
links: {from: "select mentor_id, student_id from links"}
`;
const mapping = (exam: string) => `${people}kinds:\n  exam:\n${exam.replace(/^/gm, "    ")}\n`;
const WHOLE = mapping(
  "rows: [{table: tries, key: id}]\nfrom: |\n  select id, user_id as student_id, test_id as activity_id, word as state from tries\nstates: {done: finished}",
);

Deno.test("a preset of lmsmon is a mapping, and one schema checks both", () => {
  const { name, ...read } = mappingSchema.parse(testpress);
  assert.deepEqual({ name, ...read }, testpress);
  const preset: Preset = readMapping(mappingText(WHOLE), "school");
  assert.deepEqual([preset.name, preset.kinds.exam?.key, preset.kinds.content], ["school", "id", null]);
});

Deno.test("what preset show prints of a preset of lmsmon is the same preset, read as a mapping", () => {
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value).replaceAll(/"(?:\\n)+select/g, '"select'));
  for (const preset of PRESET_NAMES) {
    const base = presetOf({ preset })?.base;
    assert.ok(base);
    const yaml = stringify(writtenMapping(base), { blockQuote: "literal", aliasDuplicateObjects: false });
    assert.doesNotMatch(yaml, /^(number|name):/m);
    const read = readMapping(mappingText(yaml), base.name);
    assert.equal(read.number, 0, "a copy is no preset of lmsmon: its text is its recipe");
    const tree = { ...plain(read), number: base.number };
    for (const kind of ["exam", "content"]) {
      assert.deepEqual(tree.kinds[kind], { ...plain(NO_PARTS), ...plain(base.kinds[kind as Kind]) });
    }
    assert.deepEqual({ ...tree, kinds: null }, { ...plain(base), kinds: null });
    const [from = ""] = yaml.match(/as state\b/) ?? [];
    if (from === "") continue;
    const edited = readMapping(mappingText(yaml.replace(from, "as  state")), base.name);
    assert.notEqual(recipeOf(edited, "exam", 1), recipeOf(read, "exam", 1), "an edited query is a new recipe");
  }
});

/** What a mapping may leave out and always has when it was read. */
const NO_PARTS = { side: null, activity: null };

Deno.test("a mapping with faults is one error with a line for each, its place in the file first", () => {
  const faulty = mapping(
    "key_type: txt\nfrom: select 1; select 2\nstates: {done: ended}\ntimes: {started_at: unix}\nkei: id\nverdict: {a: pass}",
  );
  assert.throws(() => readMapping(mappingText(faulty), "school"), (error) => {
    assert.ok(error instanceof ConfigError && error.exitCode === 2);
    const lines = error.message.split("\n");
    assert.ok(lines.every((line) => /^mapping\.yaml:\d+:\d+: [a-z_.]+/.test(line)), error.message);
    for (
      const part of [
        /from: must be one statement/,
        /states\.done: must be one of/,
        /times\.started_at: must be one of unix_s/,
        /unknown key \(did you mean "key"\?\)/,
        /verdict: unknown key here \(did you mean "verdicts"\?\)/,
        /key_type: must be one of integer/,
      ]
    ) assert.match(error.message, part);
    return true;
  });
});

Deno.test("what several keys show together is said beside what one shows alone", () => {
  const faulty = `${people}kinds:
  exam:
    table: tries
    from: select 1
    key: [a, b]
    rows: [{ table: tries, key: id }, 7]
    newest: { column: a, table: b }
    log: { table: a, key: id, time: t, from: select 1 }
    states: { done: ended }
    kei: id
  content: 7
ids: { student: text }
context: { enrolments: accounts, exemptions: { from: select 1, student: a } }
`;
  assert.throws(() => readMapping(mappingText(faulty), "school"), (error) => {
    assert.ok(error instanceof ConfigError);
    for (
      const part of [
        /kinds\.exam: needs either a table or a query/,
        /kinds\.exam\.rows: must have as many key columns/,
        /kinds\.exam\.newest: needs the key, too/,
        /kinds\.exam\.log: has no \{lines\}/,
        /states\.done: must be one of/,
        /kinds\.exam\.kei: unknown key/,
        /kinds\.content: /,
        /context\.enrolments: cannot be where ids\.student is text/,
        /context\.exemptions\.from: has no \{students\}/,
      ]
    ) assert.match(error.message, part);
    return true;
  });
});

Deno.test("keys that are no whole numbers need what drives them, and from_unixtime() is refused", () => {
  const problems = (exam: string): string => {
    try {
      readMapping(mappingText(mapping(exam)), "school");
      return "";
    } catch (error) {
      return error instanceof ConfigError ? error.message : String(error);
    }
  };
  const states = "states: {done: finished}";
  assert.match(problems(`from: select 1\nkey_type: text\n${states}`), /needs `rows/);
  assert.match(problems(`from: select * from {keys} k\n${states}`), /has \{keys\}/);
  assert.match(problems(`from: select * from {rows} r\n${states}`), /has \{rows\}/);
  const two = "[{table: a, key: id}, {table: b, key: id}]";
  assert.match(problems(`from: select * from {rows} r\nrows: ${two}\n${states}`), /which are those of one table/);
  const driven = `from: select 1\nrows: [{table: a, key: id}]\n${states}`;
  assert.match(
    problems(`from: select 1\nnewest: {column: a}\n${states}`),
    /newest: needs a query \(from\) and its `rows`/,
  );
  assert.match(problems(`${driven}\nnewest: {column: a, table: b}`), /needs the key/);
  assert.match(problems(`${driven}\nnewest: {column: a, table: b, key: [c, d]}`), /as many key columns/);
  assert.match(problems(`${driven}\nlog: {table: a, key: id, time: t, from: select 1}`), /has no \{lines\}/);
  assert.match(problems(`from: select from_unixtime(t) as started_at from a\n${states}`), /select the number/);
});

Deno.test("statementProblem() lets one SELECT through, with whatever in its quotes and comments", () => {
  for (
    const text of [
      "select ';' as a -- ; x\n",
      "with a as (select 1) select * from a",
      "(select 1)",
      "select 'insert into b'",
      "select truncate(score, 2) as score, drop as alter from grants",
      // A backslash ends the text before it in one database, and goes on with it in the other.
      String.raw`select 1 from a where b like 'x\_%' escape '\' and c <> 'drop; it'`,
      String.raw`select 1 from a where b <> 'it\'s; over'`,
    ]
  ) {
    assert.equal(statementProblem(text), null, text);
  }
  const bad: Record<string, RegExp> = {
    "select 1; drop table a": /one statement/,
    "select 1;": /semicolon/,
    "delete from a": /must be a SELECT/,
    "with d as (delete from a returning *) select * from d": /only read/,
    "select * from a for update": /only read/,
    "select * from a where b = $1": /has a parameter \(\$1\)/,
  };
  for (const [text, problem] of Object.entries(bad)) assert.match(statementProblem(text) ?? "", problem);
});

const TABLES = `
create table users (id int primary key, login varchar(50), mail varchar(50));
create table links (mentor_id int, student_id int);
create table tries (id int primary key, user_id int, test_id int, word varchar(20));
insert into tries values (1, 7, 3, 'done'), (2, 8, 3, 'done');
insert into users values (7, 'a', null), (8, 'b', null);
create table sums (a int not null, b int not null, primary key (a, b));
insert into sums values (1, 2), (-1, 2);
`;

for (const [name, server] of [["PostgreSQL", await realPostgres()], ["MariaDB", await realMariaDb()]] as const) {
  Deno.test({
    name: `what ${name} says against a mapping comes at once, with file, line, query and column`,
    ignore: server === null,
    fn: async () => {
      if (server === null) return;
      await using lms = await customLms(server, TABLES);
      const source = await lms.open(
        WHOLE.replace("word as state", "wrd as state").replace("mail as email", "mail as e_mail")
          .replace("select mentor_id,", "select mentor_id, mentor_id + 0 as x,").replace("from links", "from linkz"),
      );
      await assert.rejects(source.check(), (error) => {
        assert.ok(error instanceof LmsError && error.exitCode === 1);
        assert.match(error.message, /mapping\.yaml:\d+:\d+: query exam: .*wrd/);
        assert.match(error.message, /query mentor: lacks column "email" \(did you mean "e_mail"\?\)/);
        assert.match(error.message, /query links: .*linkz/);
        return true;
      });
      // What a server says of a value is a student's data.
      const cast = server.dialect === "postgres" ? "cast(word as int)" : "exp(id * 1000)";
      const data = await lms.open(WHOLE.replace("word as state", `word as state, ${cast} as score`));
      await assert.rejects(data.rowsAfter("exam", null, 10), (error) => {
        assert.ok(error instanceof LmsError && !/done/.test(error.message), String(error));
        assert.match(error.message, /, by query exam$/);
        return true;
      });
      const slow = await lms.open(
        WHOLE.replace(
          "from tries",
          `from tries where ${server.dialect === "postgres" ? "pg_sleep(9) is not null" : "sleep(9) = 0"}`,
        ),
        { changes: { statementTimeoutMs: 1_500 } }, // only the sleep is to meet it
      );
      await assert.rejects(slow.rowsAfter("exam", null, 10), (error) => {
        assert.ok(error instanceof LmsError && error.exitCode === 1 && error.reason === "timeout", String(error));
        assert.match(error.message, /, by query exam$/);
        return true;
      });
      const good = await lms.open(WHOLE);
      await good.check();
      assert.equal((await good.rowsAfter("exam", null, 1)).rows.length, 1);
      assert.equal((await good.rowsAfter("exam", "1", 1)).rows[0]?.id, "2");
      const strange = await tryKind(await lms.open(WHOLE.replace("done: finished", "ended: finished")), "exam");
      assert.deepEqual(
        [strange.rows, strange.samples, strange.warnings],
        [2, [], ['2 rows would go into quarantine: unknown state "done" of this exam attempt']],
      );
      const below = mapping(
        "key: [a, b]\nrows: [{table: sums, key: [a, b]}]\nfrom: select a, b, 1 as student_id, 1 as activity_id, 'done' as state from sums\nstates: {done: finished}",
      );
      const odd = await tryKind(await lms.open(below), "exam");
      assert.deepEqual([odd.rows, odd.bad], [1, 1]);
      assert.match(odd.warnings.join(), /1 row would go into quarantine: .*no pair of whole numbers from 0 to/);
    },
  });

  Deno.test({
    name: `no mapping gets a second statement or a write through to ${name}`,
    ignore: server === null,
    fn: async () => {
      if (server === null) return;
      await using lms = await customLms(server, TABLES);
      // Quotes that the check of the words takes for one text, and the server may not.
      const sneaky = [
        "select id, user_id as student_id, test_id as activity_id, word as state from tries) t; commit; create table zz(a int); select * from (select 1 as id",
        "with d as (delete from tries returning *) select id, user_id as student_id, test_id as activity_id, word as state from d",
      ];
      for (const from of sneaky) {
        const text = mappingText(WHOLE);
        const value = structuredClone(text.value) as { kinds: { exam: { from: string } } };
        value.kinds.exam.from = "select 1 as id";
        const source = await lms.open(WHOLE, { changes: { mapping: { ...text, value } } });
        await source.close();
        value.kinds.exam.from = from;
        assert.throws(() => readMapping({ ...text, value }, "x"), ConfigError, "the words show it already");
        const { openDriver } = await import("../../lib/source/open_lms.ts");
        const { testLmsConfig } = await import("../support/lms/test_lms_config.ts");
        const { driver } = await openDriver(testLmsConfig(lms.url, { preset: "custom" }));
        try {
          await assert.rejects(driver.read((session) => session.rows(`select * from (${from}\n) t`)), LmsError);
          await assert.rejects(
            driver.read((session) => session.columns(`select * from (${from}\n) t limit 0`)),
            LmsError,
          );
        } finally {
          await driver.close();
        }
      }
      await assert.rejects(async () => await lms.execute("select * from zz"), "no table was made");
      await lms.execute("select 1 from tries");
    },
  });

  Deno.test({
    name: `two rows of one key are both left out, and named, on ${name}`,
    ignore: server === null,
    fn: async () => {
      if (server === null) return;
      await using lms = await customLms(
        server,
        TABLES + "create table marks (try_id int);\ninsert into marks values (1), (1), (2);\n",
      );
      const source = await lms.open(WHOLE.replace("from tries", "from tries join marks on marks.try_id = tries.id"));
      await source.check();
      const page = await source.rowsAfter("exam", null, 10);
      assert.deepEqual([page.rows.map(({ id }) => id), page.bad.map(({ id, reason }) => `${id} ${reason}`)], [["2"], [
        "1 exam query: several rows of the query have this key",
      ]]);
      assert.match((await source.inspect("exam")).warnings.join(), /several rows have one key/);
      // The other end of the table is looked at, too.
      await lms.execute("delete from marks where try_id = 1");
      assert.deepEqual((await source.inspect("exam")).warnings, []);
      const numbers = server.dialect === "postgres"
        ? "generate_series(3, 12000) i"
        : "(select seq as i from seq_3_to_12000) s";
      await lms.execute(`insert into tries select i, 7, 3, 'done' from ${numbers}`);
      await lms.execute("insert into marks select id from tries where id > 2");
      await lms.execute("insert into marks values (12000)");
      assert.match((await source.inspect("exam")).warnings.join(), /several rows have one key/);
      await lms.execute("create table heap as select * from tries");
      await lms.execute(server.dialect === "postgres" ? "analyze heap" : "analyze table heap");
      const heap = await lms.open(WHOLE.replaceAll("tries", "heap"));
      assert.match(
        (await heap.inspect("exam")).warnings.join(),
        /table heap has no index by id: each page reads about \d+ rows/,
      );
    },
  });

  Deno.test({
    name: `a query without what drives it is read in ranges on ${name}, whatever gaps its keys have`,
    ignore: server === null,
    fn: async () => {
      if (server === null) return;
      await using lms = await customLms(server, TABLES);
      await lms.execute("insert into tries values (1000000, 7, 3, 'done'), (2000000000, 7, 3, 'done')");
      const source = await lms.open(WHOLE.replace("rows: [{table: tries, key: id}]", "version: 2"));
      assert.equal((await source.identity()).dialect, server.dialect);
      const ids: string[] = [];
      for (let after: string | null = null;;) {
        const page = await source.rowsAfter("exam", after, 2);
        ids.push(...page.rows.map(({ id }) => id));
        if (page.next === undefined) break;
        after = page.next;
      }
      assert.deepEqual(ids, ["1", "2", "1000000", "2000000000"]);
      assert.deepEqual((await source.buckets("exam", 0n, 3_000_000n)).map(({ bucket, count }) => [bucket, count]), [
        [0n, 2],
        [1000n, 1],
        [2_000_000n, 1],
      ]);
    },
  });
}
