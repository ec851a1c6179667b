import assert from "node:assert/strict";
import { fixed } from "../../sql/lms/presets.ts";
import { testpress } from "../../sql/lms/testpress/preset.ts";
import { LmsError } from "../../lib/base/errors.ts";
import type { LmsDriver } from "../../lib/source/lms_driver.ts";
import type { LmsSource } from "../../lib/source/lms_source.ts";
import { timeReaders } from "../../lib/source/lms_times.ts";
import { openDriver } from "../../lib/source/open_lms.ts";
import { SqlLmsSource } from "../../lib/source/sql_lms_source.ts";
import { realMariaDb, realPostgres, type TestServer, withMysql } from "../support/databases.ts";
import { makeLms, type TestLms } from "../support/lms/lms_database.ts";
import { spawnMariaDb } from "../support/spawned_servers.ts";

const ROWS = 3000;
const postgres = await realPostgres();
const mariaDb = await realMariaDb();
/** A server that spoils every session but root's. */
const hostile = mariaDb === null ? null : await spawnMariaDb({
  args: () => [
    "--sql-mode=ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH,ORACLE,NO_BACKSLASH_ESCAPES",
    "--init-connect=set sql_select_limit=400, max_join_size=10, completion_type='CHAIN', autocommit=0," +
    " group_concat_max_len=4, default_week_format=3, lc_time_names='de_DE', div_precision_increment=0," +
    " time_zone='+09:00'; set names latin1; set sql_auto_is_null=1",
    "--max-join-size=10",
    "--character-set-server=latin1",
  ],
});

async function fill({ writer }: TestLms): Promise<void> {
  for (let i = 0; i < ROWS; i += 1000) {
    await writer.insert(
      "attempts",
      Array.from({ length: 1000 }, (_, k) => ({
        id: i + k + 1,
        state: "Completed",
        result: "Pass",
        score: (i + k) / 7,
        percentage: 80,
        time_taken: "1 day, 2:03:04",
        date: "2026-11-20 09:15:00.123",
        name: "Jürgen",
      })),
    );
  }
}

async function everything(source: LmsSource) {
  const { rows, bad } = await source.rowsAfter("exam", null, 10_000);
  return {
    rows,
    bad,
    sums: await source.buckets("exam", 0n, 10n),
    hashes: await source.keyHashes("exam", [0n, 1n, 2n, 3n]),
    byIds: (await source.rowsByIds("exam", rows.map(({ id }) => id))).rows.length,
    people: await source.people("student", ["1"]),
    schema: (await source.identity()).schema,
  };
}

Deno.test({
  name: "P1: what a PostgreSQL role or database was set to changes nothing of what is read",
  ignore: postgres === null,
  fn: async () => {
    await using lms = await makeLms(postgres, "settings");
    await lms.execute(
      "alter table attempts alter score type double precision, alter time_taken type interval using null",
    );
    await fill(lms);
    await lms.writer.student({ id: 1, display_name: "Ünal" });
    const role = `lmsmon_t_reader_${crypto.randomUUID().slice(0, 8)}`;
    const database = new URL(lms.config.url).pathname.slice(1);
    await lms.execute(`create role "${role}" login`);
    try {
      await lms.execute(
        `grant usage on schema public to "${role}"; grant select on all tables in schema public to "${role}"`,
      );
      const url = new URL(lms.config.url);
      url.username = role;
      const plain = await everything(await lms.open({ url: url.href }));
      assert.equal(plain.rows.length, ROWS);
      assert.equal(plain.rows[0]?.timeTakenS, 93_784);
      // Functions that stand before the server's own where the path says so.
      await lms.execute(
        "create schema traps; create function traps.hashtextextended(text, bigint) returns bigint language sql as 'select 0::bigint'",
      );
      await lms.execute("create function traps.left(text, int) returns text language sql as 'select ''trap'''");
      await lms.execute(`grant usage on schema traps to "${role}"`);
      for (
        const setting of [
          "row_security = off",
          "statement_timeout = '50ms'",
          "lock_timeout = '50ms'",
          "search_path = traps, public, pg_catalog",
          "bytea_output = 'escape'",
          "extra_float_digits = -10",
          "intervalstyle = 'iso_8601'",
          "datestyle = 'German, DMY'",
          "timezone = 'Asia/Tokyo'",
          "client_encoding = 'LATIN1'",
          "standard_conforming_strings = off",
          "transform_null_equals = on",
          "quote_all_identifiers = on",
          "default_transaction_isolation = 'serializable'",
          "enable_indexscan = off",
          "client_min_messages = 'error'",
        ]
      ) await lms.execute(`alter role "${role}" in database "${database}" set ${setting}`);
      await lms.execute(
        "alter table attempts enable row level security; create policy all_rows on attempts using (true)",
      );
      assert.deepEqual(await everything(await lms.open({ url: url.href })), plain);
    } finally {
      await lms.execute(`drop owned by "${role}"; drop role "${role}"`);
    }
  },
});

Deno.test({
  name: "P1: what init_connect and the server's modes do to a session of MariaDB changes nothing of what is read",
  ignore: hostile === null,
  fn: async () => {
    assert.ok(hostile !== null);
    await withMysql(hostile, async (root) => {
      await root.query("create user reader@'%'");
      await root.query("grant select on *.* to reader@'%'");
    });
    const server: TestServer = {
      dialect: "mysql",
      url: hostile,
      createDatabase: async (name) => {
        await withMysql(hostile, (root) => root.query(`create database ${name} character set utf8mb4`));
        const url = new URL(hostile);
        url.pathname = `/${name}`;
        return { url: url.href, name, drop: () => Promise.resolve() };
      },
    };
    await using lms = await makeLms(server, "settings");
    await lms.execute("set sql_mode = ''");
    await lms.execute("alter table attempts modify score double, modify state char(30), modify date timestamp(3) null");
    await fill(lms);
    await lms.writer.student({ id: 1, display_name: "Ünal" });
    const url = new URL(lms.config.url);
    url.username = "reader";
    const read = await everything(await lms.open({ url: url.href }));
    assert.equal(read.rows.length, ROWS);
    assert.equal(read.hashes.length, ROWS);
    assert.equal(read.byIds, ROWS);
    assert.deepEqual(read.sums.map(({ count }) => count), [999, 1000, 1000, 1]);
    const [first] = read.rows;
    assert.deepEqual([first?.state, first?.studentName], ["Completed", "Jürgen"]);
    assert.equal(read.people[0]?.name, "Ünal");
    const { driver } = await openDriver({ ...lms.config, url: url.href }, lms.deps);
    try {
      const expressions =
        "select group_concat('Jürgen', 'Ünal'), week('2026-01-04'), date_format('2026-01-04', '%W'), 1 / 3";
      assert.deepEqual(
        [...await driver.read((session) => session.rows(expressions))].map((row) => [...row]),
        [["JürgenÜnal", "1", "Sunday", "0.3333"]],
      );
    } finally {
      await driver.close();
    }
    // The same as on a server that nobody has touched.
    await using usual = await makeLms(mariaDb, "settings");
    await usual.execute(
      "alter table attempts modify score double, modify state char(30), modify date timestamp(3) null",
    );
    await usual.execute("set time_zone = '+00:00'");
    await fill(usual);
    await usual.writer.student({ id: 1, display_name: "Ünal" });
    assert.deepEqual((await everything(await usual.open())).hashes, read.hashes);
  },
});

/** A source whose results something between it and the server cuts after so many rows, for as many results as it likes. */
async function cut({ config, deps }: TestLms, rows: number, times = Infinity): Promise<LmsSource> {
  const { driver, target, address } = await openDriver(config, deps);
  let left = times;
  const cutting: LmsDriver = {
    dialect: driver.dialect,
    plaintextHost: () => driver.plaintextHost(),
    close: () => driver.close(),
    read: (work) =>
      driver.read((session) =>
        work({
          raw: session.raw,
          columns: (query) => session.columns(query),
          rows: async (query) => {
            const found = await session.rows(query);
            return found.length > rows && !query.includes("catalog") && !query.includes("information_schema") &&
                left-- > 0
              ? found.slice(0, rows)
              : found;
          },
        })
      ),
  };
  const readTimes = timeReaders("UTC");
  return new SqlLmsSource({
    ...{ name: "testpress", preset: fixed(testpress), driver: cutting, target, address },
    ...{ times: readTimes, examDurationUnit: "auto", look: null },
  });
}

for (const [name, server] of [["PostgreSQL", postgres], ["MariaDB", mariaDb]] as const) {
  Deno.test({
    name: `P1: results of ${name} that something cuts short are read on or are an error, never rows that are gone`,
    ignore: server === null,
    fn: async () => {
      await using lms = await makeLms(server, "cut");
      await fill(lms);
      const source = await cut(lms, 400);
      try {
        assert.equal((await source.rowsAfter("exam", null, 2500)).rows.length, 2500);
        assert.equal((await source.rowsAfter("exam", "2500", 2500)).rows.length, 500);
        const short = (error: unknown) =>
          error instanceof LmsError && /Cannot read the LMS whole: 400 rows/.test(error.message);
        await assert.rejects(source.keyHashes("exam", [0n]), short);
        await assert.rejects(source.rowsByIds("exam", Array.from({ length: 900 }, (_, i) => String(i + 1))), short);
      } finally {
        await source.close();
      }
      const once = await cut(lms, 400, 1);
      try {
        assert.equal((await once.keyHashes("exam", [0n])).length, 999, "counted again, and whole");
      } finally {
        await once.close();
      }
      const whole = await lms.open();
      assert.equal(
        (await whole.rowsByIds("exam", ["1", "2", "77777"])).rows.length,
        2,
        "what is not there is no shortfall",
      );
    },
  });
}
