import assert from "node:assert/strict";
import type { LmsSource } from "../../lib/source/lms_source.ts";
import { realMariaDb, realPostgres } from "../support/databases.ts";
import { type CustomLms, customLms } from "../support/presets/custom_lms.ts";

const WHOLE = "is no whole number that can be kept (64 bits with a sign)";
const PAIR = "is no pair of whole numbers from 0 to 2147483647";

interface Case {
  readonly what: string;
  readonly dialect?: "postgres" | "mysql";
  /** The columns of the key, of a table without any constraint. */
  readonly columns: string;
  readonly key: string;
  readonly keyType?: string;
  /** Literals of keys that are read, with how the LMS's own key is shown. */
  readonly read: Readonly<Record<string, string>>;
  /** Literals of keys that are none: why, and how they are kept. */
  readonly odd: Readonly<Record<string, readonly [key: string, reason: string]>>;
}

const CASES: readonly Case[] = [
  {
    what: "whole numbers of a column that may be null",
    columns: "k bigint",
    key: "k",
    read: { "-5": "-5", "0": "0", "9223372036854775807": "9223372036854775807" },
    odd: { "null": ["", "is null"] },
  },
  {
    ...{ what: "numeric", dialect: "postgres", columns: "k numeric", key: "k" },
    read: { "7.0": "7", "-9223372036854775808": "-9223372036854775808" },
    odd: {
      "1.5": ["1.5", WHOLE],
      "'NaN'": ["NaN", WHOLE],
      "'Infinity'": ["Infinity", WHOLE],
      "9999999999999999999": ["9999999999999999999", WHOLE],
      "18446744073709551616": ["18446744073709551616", WHOLE],
      "null": ["", "is null"],
    },
  },
  {
    ...{ what: "bigint unsigned", dialect: "mysql", columns: "k bigint unsigned", key: "k" },
    read: { "0": "0", "9223372036854775807": "9223372036854775807" },
    odd: {
      "9223372036854775808": ["9223372036854775808", WHOLE],
      "18446744073709551615": ["18446744073709551615", WHOLE],
      "null": ["", "is null"],
    },
  },
  {
    ...{ what: "decimal", dialect: "mysql", columns: "k decimal(30,1)", key: "k" },
    read: { "7": "7" },
    odd: {
      "1.5": ["1.5", WHOLE],
      "9999999999999999999": ["9999999999999999999.0", WHOLE],
      "99999999999999999999": ["99999999999999999999.0", WHOLE],
    },
  },
  {
    what: "texts",
    columns: "k varchar(700)",
    key: "k",
    keyType: "text",
    read: {
      ...{ "'7'": "7", "'007'": "007", "'1e3'": "1e3", "'a/b'": "a/b", "'\u00e9'": "\u00e9" },
      ...{ "'it''s'": "it's", "' x'": " x" },
    },
    odd: {
      "null": ["", "is null or empty"],
      "''": ["", "is null or empty"],
      [`'${"l".repeat(600)}'`]: ["l".repeat(600), "is no key that can be kept"],
    },
  },
  {
    ...{ what: "bytes", dialect: "mysql", columns: "k varbinary(16)", key: "k", keyType: "binary" },
    read: { "x'00'": "00", "x'0aff'": "0aff" },
    odd: { "x''": ["", "is null or empty"], "null": ["", "is null or empty"] },
  },
  {
    what: "pairs",
    columns: "k bigint, l bigint",
    key: "[k, l]",
    read: { "0, 0": "0/0", "7, 203": "7/203", "2147483647, 2147483647": "2147483647/2147483647" },
    odd: {
      "-1, 3": ["-1/3", PAIR],
      "3, -1": ["3/-1", PAIR],
      "2147483648, 1": ["2147483648/1", PAIR],
      "1, 2147483648": ["1/2147483648", PAIR],
      "9223372036854775807, 5": ["9223372036854775807/5", PAIR],
      "null, 4": ["/4", "is null"],
      "4, null": ["4/", "is null"],
    },
  },
];

const mapping = ({ key, keyType }: Case, isDriven: boolean) => `
people:
  student: { from: "select 1 as id, 'ana' as username" }
  mentor: { from: "select 2 as id, 'gina@institute.example' as email" }
links: { from: "select 2 as mentor_id, 1 as student_id" }
kinds:
  exam:
    ${isDriven ? `rows: [{ table: tries, key: ${key} }]` : ""}
    key: ${key}
    ${keyType === undefined ? "" : `key_type: ${keyType}`}
    from: select t.*, 1 as student_id, 3 as activity_id, 'done' as state from tries t
    states: { done: finished }
`;

async function idsOf(source: LmsSource, pageRows: number): Promise<string[]> {
  const ids: string[] = [];
  for (let after: string | null = null;;) {
    const page = await source.rowsAfter("exam", after, pageRows);
    assert.deepEqual(page.bad, []);
    ids.push(...page.rows.map(({ id }) => id));
    if (page.next === undefined) return ids;
    after = page.next;
  }
}

async function readWhole(source: LmsSource, { read, odd }: Case, what: string): Promise<void> {
  const ids = await idsOf(source, 2); // pages of two: of which one may hold nothing but keys that are none
  assert.equal(new Set(ids).size, ids.length, what);
  const { form } = source.keySpace("exam");
  assert.deepEqual(
    form === "integer" ? ids.toSorted() : [...(await source.shownKeys(ids)).values()].toSorted(),
    Object.values(read).toSorted(),
    what,
  );
  // What a full pass asks for neither fails nor finds anything else.
  const { bucketSize } = source.keySpace("exam");
  const edge = 2n ** 63n / bucketSize + 1n;
  const first = await source.firstIdFrom("exam", String(-(2n ** 63n)));
  assert.ok(first !== null && ids.some((id) => BigInt(id) >= BigInt(first)), what);
  const sums = await source.buckets("exam", -edge, edge);
  const hashes = await source.keyHashes("exam", sums.map(({ bucket }) => bucket));
  assert.deepEqual(hashes.map(({ id }) => id).toSorted(), ids.toSorted(), what);
  assert.deepEqual((await source.rowsByIds("exam", ids)).rows.map(({ id }) => id).toSorted(), ids.toSorted(), what);
  const expected = Object.values(odd).map(([key, reason]) => `${key} key of a row of the exam query: ${reason}`);
  const found = async () => (await source.oddKeys("exam", 100)).map(({ key, reason }) => `${key} ${reason}`);
  assert.deepEqual((await found()).toSorted(), [...new Set(expected)].toSorted(), what);
  // What is met among the rows comes with each pass, the others are asked for in every poll.
  const asked = expected.filter((line) => !line.endsWith("is no key that can be kept"));
  assert.deepEqual((await found()).toSorted(), [...new Set(asked)].toSorted(), `${what}, without a pass`);
}

async function fill(lms: CustomLms, { columns, read, odd }: Case): Promise<void> {
  await lms.execute("drop table if exists tries");
  await lms.execute(`create table tries (${columns})`);
  for (const values of [...Object.keys(read), ...Object.keys(odd)]) {
    await lms.execute(`insert into tries values (${values})`);
  }
}

for (const [name, server] of [["PostgreSQL", await realPostgres()], ["MariaDB", await realMariaDb()]] as const) {
  Deno.test({
    name:
      `P9: whatever a mapping's keys hold on ${name}, each row is read, or its key is among those that no id can be`,
    ignore: server === null,
    fn: async () => {
      if (server === null) return;
      await using lms = await customLms(server, "");
      for (const testCase of CASES) {
        const { what, dialect = server.dialect, columns } = testCase;
        if (dialect !== server.dialect) continue;
        await fill(lms, testCase);
        for (const isDriven of columns.includes(",") || testCase.keyType ? [true] : [true, false]) {
          const source = await lms.open(mapping(testCase, isDriven));
          await source.check();
          await source.inspect("exam"); // `preset check` ends at none of them
          await readWhole(source, testCase, `${what}, ${isDriven ? "driven" : "not driven"}`);
        }
      }
    },
  });

  Deno.test({
    name: `a mapping whose keys are not exact, or no numbers, is refused on ${name}`,
    ignore: server === null,
    fn: async () => {
      if (server === null) return;
      await using lms = await customLms(server, "");
      const types = server.dialect === "postgres"
        ? ["double precision", "real", "text", "interval", "point"]
        : ["double", "float", "varchar(10)", "time"];
      for (const type of types) {
        await lms.execute("drop table if exists tries");
        await lms.execute(`create table tries (k ${type})`);
        const testCase = { what: type, columns: "", key: "k", read: {}, odd: {} };
        for (const isDriven of [true, false]) {
          const source = await lms.open(mapping(testCase, isDriven));
          await assert.rejects(
            source.check(),
            /key "k" is [a-z ]+(, whose numbers are not exact|: say `key_type: text`)/,
          );
        }
      }
    },
  });
}
