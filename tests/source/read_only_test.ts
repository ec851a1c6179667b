import assert from "node:assert/strict";
import { openDriver } from "../../lib/source/open_lms.ts";
import { LmsError } from "../../lib/base/errors.ts";
import { realMariaDb, realPostgres, type TestServer, withMysql, withPostgres } from "../support/databases.ts";
import { makeLms, type TestLms } from "../support/lms/lms_database.ts";

const servers: [string, TestServer | null][] = [
  ["PostgreSQL", await realPostgres()],
  ["MariaDB", await realMariaDb()],
];

const WRITES = [
  "insert into batches (id) values (1)",
  "update attempts set state = 'Completed'",
  "delete from attempts",
  "create table lmsmon_was_here (id int)",
  "truncate table batches",
];

/** A role that may do nothing but read the LMS; dropped with `drop`. */
async function selectOnly(lms: TestLms, server: TestServer): Promise<{ url: string; drop: () => Promise<void> }> {
  const role = `lms_ro_${crypto.randomUUID().slice(0, 8)}`;
  const url = new URL(lms.config.url);
  const database = url.pathname.slice(1);
  url.username = role;
  url.password = "p%40ss:w%23rd";
  if (server.dialect === "postgres") {
    await lms.execute(`create role ${role} login password 'p@ss:w#rd'`);
    await lms.execute(`grant select on all tables in schema public to ${role}`);
  } else {
    await lms.execute(`create user ${role}@'%' identified by 'p@ss:w#rd'`);
    await lms.execute(`create user ${role}@localhost identified by 'p@ss:w#rd'`);
    for (const host of ["%", "localhost"]) {
      await lms.execute(`grant select on \`${database}\`.* to ${role}@'${host}'`);
    }
  }
  return {
    url: url.href,
    drop: async () => {
      if (server.dialect === "postgres") {
        await lms.execute(`drop owned by ${role}; drop role ${role}`);
      } else {
        for (const host of ["%", "localhost"]) await lms.execute(`drop user ${role}@'${host}'`);
      }
    },
  };
}

for (const [name, server] of servers) {
  Deno.test({
    name: `P3: whatever is run through the connections to ${name} cannot write, as the owner of the tables either`,
    ignore: server === null,
    fn: async () => {
      await using lms = await makeLms(server, "readonly");
      await lms.writer.student();
      await lms.writer.attempt({ user_id: 1 });
      const { driver } = await openDriver(lms.config);
      try {
        for (const statement of WRITES) {
          await assert.rejects(
            driver.read((session) => session.rows(statement)),
            (error: unknown) => error instanceof LmsError && /read[- ]only/i.test(error.message),
            statement,
          );
        }
        assert.deepEqual(
          await driver.read((session) => session.rows("select state from attempts")),
          [["Running"]],
          "the connection works on",
        );
      } finally {
        await driver.close();
      }
    },
  });

  Deno.test({
    name: `P3: a role of ${name} that may only SELECT is enough for every call`,
    ignore: server === null,
    fn: async () => {
      assert.ok(server);
      await using lms = await makeLms(server, "selectonly");
      await lms.writer.student();
      await lms.writer.mentor();
      await lms.writer.link(1, 1);
      await lms.writer.attempt({ id: 5, user_id: 1 });
      const role = await selectOnly(lms, server);
      const source = await lms.open({ url: role.url });
      try {
        assert.equal((await source.check()).readOnly, true);
        assert.equal((await source.identity()).dialect, server.dialect);
        assert.equal(await source.changeToken() === null, server.dialect === "mysql");
        assert.equal((await source.rowsAfter("exam", null, 10)).rows.length, 1);
        assert.equal((await source.rowsByIds("exam", ["5"])).rows.length, 1);
        assert.equal((await source.buckets("exam", 0n, 10n)).length, 1);
        assert.equal((await source.keyHashes("exam", [0n])).length, 1);
        assert.equal((await source.people("student", ["1"])).length, 1);
        assert.deepEqual((await source.links(["1"])).get("1"), ["1"]);
      } finally {
        await source.close();
        await role.drop();
      }
    },
  });
}

Deno.test({
  name: "P3: nothing is held at PostgreSQL between calls, and every session is bounded and read-only",
  ignore: servers[0]?.[1] === null,
  fn: async () => {
    await using lms = await makeLms(servers[0]?.[1] ?? null, "held");
    const source = await lms.open();
    await source.rowsAfter("exam", null, 10);
    await Array.fromAsync(source.allPeople("student"));
    const { driver } = await openDriver({ ...lms.config, statementTimeoutMs: 123_456 });
    const settings = await driver.read((session) =>
      session.rows(
        "select name, setting from pg_settings where name in ('statement_timeout', 'transaction_isolation'," +
          " 'transaction_read_only', 'default_transaction_read_only', 'idle_in_transaction_session_timeout')",
      )
    );
    assert.deepEqual(Object.fromEntries(settings), {
      default_transaction_read_only: "on",
      idle_in_transaction_session_timeout: "128456",
      statement_timeout: "123456",
      transaction_isolation: "repeatable read",
      transaction_read_only: "on",
    });
    const [[pid = null] = []] = await driver.read((session) => session.rows("select pg_backend_pid()"));
    await driver.close();
    const held = await withPostgres(lms.config.url, async (sql) => {
      // The server hears of a closed connection a moment later.
      while ((await sql.unsafe("select from pg_stat_activity where pid = $1::int", [pid])).length > 0);
      return await sql.unsafe(
        "select state, backend_xmin from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()" +
          " and application_name = 'lmsmon'",
      ).values();
    });
    assert.deepEqual(Array.from(held), [["idle", null]]);
  },
});

Deno.test({
  name: "P3: nothing is held at MariaDB between calls, and every session is bounded and read-only",
  ignore: servers[1]?.[1] === null,
  fn: async () => {
    await using lms = await makeLms(servers[1]?.[1] ?? null, "held");
    const source = await lms.open();
    await source.rowsAfter("exam", null, 10);
    const { driver } = await openDriver({ ...lms.config, statementTimeoutMs: 123_456 });
    const version = await driver.read((session) => session.rows("select version()"));
    const [limit, idle] = /mariadb/i.test(version[0]?.[0] ?? "")
      ? ["@@max_statement_time * 1000", "@@idle_readonly_transaction_timeout"]
      : ["@@max_execution_time", "@@wait_timeout"];
    const [row] = await driver.read((session) => session.rows(`select ${limit} + 0, ${idle}, @@time_zone`));
    assert.deepEqual([Number(row?.[0]), Number(row?.[1]), row?.[2]], [123_456, 129, "+00:00"]);
    await driver.close();
    const [rows] = await withMysql(lms.config.url, (connection) =>
      connection.query({
        sql: "select count(*) from information_schema.innodb_trx t join information_schema.processlist p" +
          " on p.id = t.trx_mysql_thread_id where p.db = database()",
        rowsAsArray: true,
      }));
    assert.deepEqual(rows, [[0]]);
  },
});
