import assert from "node:assert/strict";
import { LmsError } from "../../lib/base/errors.ts";
import { atEveryPlace, type PollBench } from "../poll/poll_bench.ts";

const PASSED = { state: "Completed", result: "Pass", score: 80, percentage: 80 };
const HIGHEST = "9223372036854775807";
const LOWEST = "-9223372036854775808";
const BEYOND = "is beyond the largest id that can be kept (64 bits with a sign)";
const NOT_WHOLE = "is no whole number";

/** What a column of some type may hold: keys that are read (as which id), and keys that are kept in quarantine (for which reason). */
interface Column {
  readonly type: string;
  readonly read: readonly (readonly [value: string, id?: string])[];
  readonly kept?: Readonly<Record<string, string>>;
  /** Keys that are nothing. */
  readonly nulls?: number;
}

const WHOLE = [["-5"], ["0"], ["7"]] as const;
const KEYS: Readonly<Record<"postgres" | "mysql", readonly Column[]>> = {
  postgres: [
    { type: "smallint", read: WHOLE },
    { type: "bigint", read: [...WHOLE, [HIGHEST], [LOWEST]], nulls: 2 },
    { type: "a_key", read: [...WHOLE, [HIGHEST]] }, // a domain over a domain over bigint
    {
      type: "numeric(20,0)",
      read: [...WHOLE, [HIGHEST]],
      kept: { "9223372036854775808": BEYOND, "18446744073709551615": BEYOND },
    },
    {
      type: "numeric(22,2)",
      read: [["7.00", "7"], [`${HIGHEST}.00`, HIGHEST]],
      kept: { "1.50": NOT_WHOLE, "-0.01": NOT_WHOLE, "9223372036854775808.00": BEYOND },
    },
    {
      type: "numeric",
      read: [["7.000", "7"], [LOWEST]],
      kept: {
        ...{ "NaN": NOT_WHOLE, "Infinity": NOT_WHOLE, "-Infinity": NOT_WHOLE, "0.1": NOT_WHOLE },
        ...{ [`1${"0".repeat(60)}`]: BEYOND, "-9223372036854775809": BEYOND },
      },
      nulls: 1,
    },
  ],
  mysql: [
    { type: "tinyint", read: WHOLE },
    { type: "int(8) unsigned zerofill", read: [["00000000", "0"], ["00000007", "7"], ["4294967295"]] },
    { type: "bigint(20) zerofill", read: [["00000000000000000007", "7"], [HIGHEST]] },
    { type: "bigint", read: [...WHOLE, [HIGHEST], [LOWEST]], nulls: 2 },
    {
      type: "bigint unsigned",
      read: [["0"], ["7"], [HIGHEST]],
      kept: { "9223372036854775808": BEYOND, "18446744073709551615": BEYOND },
      nulls: 1,
    },
    {
      type: "decimal(22,2)",
      read: [["7.00", "7"], [`${HIGHEST}.00`, HIGHEST]],
      kept: { "1.50": NOT_WHOLE, "-0.01": NOT_WHOLE, "9223372036854775808.00": BEYOND },
    },
    {
      type: "decimal(65,0)",
      read: [["-5"], [LOWEST]],
      kept: { ["9".repeat(65)]: BEYOND, "-9223372036854775809": BEYOND },
      nulls: 1,
    },
  ],
};
const REFUSED = {
  postgres: ["double precision", "real", "text", "varchar(20)", "char(8)", "uuid", "bytea", "boolean"],
  mysql: ["double", "float", "varchar(20)", "char(8)", "binary(8)", "varbinary(8)", "year", "bit(8)"],
};

/** A key column that nothing refers to, of a type and empty; its table as well. */
async function retype({ lms, writer }: PollBench, table: string, column: string, type: string): Promise<void> {
  await lms.execute(`delete from ${table}`);
  if (writer.dialect === "postgres") {
    await lms.execute(`alter table ${table} drop column ${column} cascade`);
    await lms.execute(`alter table ${table} add column ${column} ${type}`);
  } else await lms.execute(`alter table ${table} modify ${column} ${type} null`);
}

async function withoutKeys({ lms, writer }: PollBench): Promise<void> {
  if (writer.dialect === "postgres") {
    await lms.execute("create domain a_number as bigint");
    await lms.execute("create domain a_key as a_number");
    await lms.execute("alter table attempts drop constraint attempts_pkey cascade");
    return;
  }
  await lms.execute("set sql_mode = 'STRICT_ALL_TABLES', time_zone = '+00:00'");
  for (
    const [table, key] of [["content_attempts", "assessment_id"], ["attempts", "user_id"], ["attempts", "exam_id"]]
  ) {
    await lms.execute(`alter table \`${table}\` drop foreign key \`${table}_${key}_fkey\``);
  }
  await lms.execute("alter table attempts drop primary key");
}

async function kept({ db }: PollBench): Promise<Record<string, string>> {
  const rows = await db.sql<{ row_key: string; reason: string }[]>`
    select row_key, reason from lmsmon.quarantined_keys order by 1`;
  return Object.fromEntries(rows.map(({ row_key, reason }) => [row_key, reason]));
}

atEveryPlace(
  "P9: whatever the key column's type holds, each row is read or kept in quarantine under its key, and nothing vanishes",
  {},
  async (bench) => {
    await withoutKeys(bench);
    await bench.firstContact();
    for (const { type, read, kept: odd = {}, nulls = 0 } of KEYS[bench.writer.dialect]) {
      await retype(bench, "attempts", "id", type);
      const { student } = await bench.pair(); // another one each time, so that each is another attempt
      const values = [...read.map(([value]) => `'${value}'`), ...Object.keys(odd).map((key) => `'${key}'`)];
      for (const value of [...values, ...Array<string>(nulls).fill("null")]) {
        await bench.lms.execute(
          `insert into attempts (id, user_id, state, result) values (${value}, ${student}, 'Completed', 'Pass')`,
        );
      }
      const source = await bench.lms.open();
      await source.check();
      const expected = {
        ...Object.fromEntries(Object.entries(odd).map(([key, reason]) => [key, `attempts.id: ${reason}`])),
        ...(nulls === 0 ? {} : { "": "attempts.id: is null" }),
      };
      for (const mode of ["full", "quick", "full"] as const) {
        const { tally } = await bench.poll({ mode, source });
        assert.equal(tally.quarantined, Object.keys(odd).length + nulls, `${type}, ${mode}`);
        assert.deepEqual(await kept(bench), expected, `${type}, ${mode}`);
      }
      const told = await bench.db.sql<{ id: string }[]>`
        select attempt_id::text as id from lmsmon.lms_activity_events where student_id = ${student}`;
      assert.deepEqual(told.map(({ id }) => id).toSorted(), read.map(([value, id]) => id ?? value).toSorted(), type);
      assert.equal((await bench.poll({ source })).tally.rowsRead, 0, `${type}: nothing differs any more`);
    }
    for (const type of REFUSED[bench.writer.dialect]) {
      await retype(bench, "attempts", "id", type);
      const source = await bench.lms.open();
      await assert.rejects(source.check(), (error) => {
        assert.ok(error instanceof LmsError && error.reason === "schema");
        assert.match(error.message, /Cannot page by attempts\.id \([a-z ]+\): keys must be whole numbers$/);
        assert.match(error.hint ?? "", /mapping of your own.*key_type/);
        return true;
      });
    }
  },
);

atEveryPlace(
  "P9: a row that has its key twice is in quarantine, both of it, and blocks no other",
  {},
  async (bench) => {
    await withoutKeys(bench);
    await bench.firstContact();
    const { student } = await bench.pair();
    await bench.writer.attempt({ id: 1, user_id: student, ...PASSED });
    for (const score of [10, 20]) await bench.writer.attempt({ id: 2, user_id: student, ...PASSED, score });
    await bench.writer.attempt({ id: 3, user_id: student, ...PASSED });
    for (const mode of ["quick", "full"] as const) {
      assert.equal((await bench.poll({ mode })).tally.quarantined, 1, mode);
      assert.deepEqual(await bench.quarantine(), { "2": "attempts: several rows have this key" });
    }
    assert.deepEqual(await bench.told(), ["1 exam_passed 1", "3 exam_passed 1"]);
    await bench.lms.execute("delete from attempts where id = 2 and score = 10");
    await bench.poll();
    assert.deepEqual(await bench.quarantine(), {});
    assert.deepEqual(await bench.told(), ["1 exam_passed 1", "2 exam_passed 1", "3 exam_passed 1"]);
  },
);

/** Values of a column of students' ids, and which of them name student 7. */
const IDS: Readonly<Record<"postgres" | "mysql", Readonly<Record<string, Readonly<Record<string, boolean>>>>>> = {
  postgres: {
    "text": {
      "7": true,
      "007": true,
      " 7 ": true,
      "7.00": true,
      "1e3": false,
      "abc": false,
      "7abc": false,
      "+7": false,
    },
    "char(12)": { "7": true, "07": true, "x": false },
    "double precision": { "7": true, "7.5": false, "NaN": false, "Infinity": false, "1e300": false, "9.3e18": false },
    "numeric": { "7.0": true, "NaN": false, "18446744073709551615": false },
  },
  mysql: {
    "text": {
      "7": true,
      "007": true,
      " 7 ": true,
      "7.00": true,
      "1e3": false,
      "abc": false,
      "7abc": false,
      "+7": false,
    },
    "char(12)": { "7": true, "07": true, "x": false },
    "binary(3)": { "007": true, "abc": false },
    "double": { "7": true, "7.5": false, "1e300": false, "9.3e18": false },
    "decimal(22,2)": { "7.00": true, "7.50": false, "18446744073709551615.00": false },
    "int(6) zerofill": { "7": true },
  },
};

atEveryPlace(
  "P9: whatever an id column of a row holds, its result is told, or the row is in quarantine",
  {},
  async (bench) => {
    await withoutKeys(bench);
    await bench.writer.student({ id: 7 });
    await bench.writer.link(await bench.writer.mentor(), 7);
    await bench.firstContact();
    let id = 0;
    for (const [type, values] of Object.entries(IDS[bench.writer.dialect])) {
      await retype(bench, "attempts", "user_id", type);
      const first = id + 1;
      for (const value of Object.keys(values)) await bench.writer.attempt({ id: ++id, user_id: value, ...PASSED });
      await bench.writer.attempt({ id: ++id, user_id: null, ...PASSED });
      const source = await bench.lms.open();
      await source.check();
      await bench.poll({ source });
      const told = await bench.db.sql<{ id: number; student: string | null }[]>`
        select attempt_id::int as id, student_id as student from lmsmon.lms_activity_events where attempt_id >= ${first}`;
      const found = Object.fromEntries(
        Object.keys(values).map((value, i) => [value, told.find((row) => row.id === first + i)?.student === "7"]),
      );
      assert.deepEqual(found, values, type);
      assert.equal(told.find((row) => row.id === id)?.student, null, `${type}: nobody's`);
      const bad = Object.values(values).filter((named) => !named).length;
      assert.equal(Object.keys(await bench.quarantine()).length, bad, type);
    }
  },
);
