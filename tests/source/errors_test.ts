import assert from "node:assert/strict";
import { Secret } from "../../lib/base/secrets.ts";
import { openDriver, openLms } from "../../lib/source/open_lms.ts";
import { ConfigError, LmsError } from "../../lib/base/errors.ts";
import { realMariaDb, realPostgres, type TestServer } from "../support/databases.ts";
import { makeLms } from "../support/lms/lms_database.ts";
import { TcpProxy } from "../support/lms/tcp_proxy.ts";
import { freePort } from "../support/free_port.ts";

const servers: [string, TestServer | null][] = [
  ["PostgreSQL", await realPostgres()],
  ["MariaDB", await realMariaDb()],
];
const SECRET = "s3cret-Word";

async function lmsErrorOf(work: Promise<unknown>): Promise<LmsError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof LmsError, `an LmsError, not ${error}`);
    assert.ok(!`${error.message} ${error.hint} ${error.stack}`.includes(SECRET), "P7: no password in an error");
    return error;
  }
  throw new assert.AssertionError({ message: "Expected an LmsError" });
}

function address(url: string): { hostname: string; port: number } {
  const { hostname, port, protocol } = new URL(url);
  return { hostname, port: Number(port || (protocol.startsWith("postgres") ? 5432 : 3306)) };
}

function through(url: string, proxy: TcpProxy): string {
  const changed = new URL(url);
  changed.hostname = "127.0.0.1";
  changed.port = String(proxy.port);
  return changed.href;
}

for (const [name, server] of servers) {
  const ignore = server === null;

  Deno.test({
    name: `openLms() says that ${name} refused when the credentials are wrong`,
    ignore,
    fn: async () => {
      await using lms = await makeLms(server, "refused");
      const url = new URL(lms.config.url);
      const role = `nobody_${crypto.randomUUID().slice(0, 8)}`;
      url.username = role;
      const source = await lms.open({ url: url.href, password: new Secret(SECRET) });
      const error = await lmsErrorOf(source.check());
      assert.deepEqual([error.reason, error.exitCode], ["refused", 4]);
      assert.match(error.message, new RegExp(`Cannot log in to the LMS database at .+ as "${role}"`));
    },
  });

  Deno.test({
    name: `check() names every missing table and column of ${name} at once`,
    ignore,
    fn: async () => {
      await using lms = await makeLms(server, "missing");
      const q = lms.writer.dialect === "postgres" ? '"' : "`";
      await lms.execute(`drop table ${q}_BatchToStudent${q}`);
      await lms.execute("alter table attempts drop column percentage");
      await lms.execute("alter table exams drop column total_marks");
      await lms.execute(`drop table ${q}ChapterToContent${q}`); // optional: nobody asks for it
      const source = await lms.open();
      const error = await lmsErrorOf(source.check());
      assert.deepEqual([error.reason, error.exitCode], ["schema", 1]);
      assert.equal(
        error.message,
        "Cannot find in the LMS database: attempts.percentage, exams.total_marks, _BatchToStudent",
      );
      assert.match(error.hint ?? "", /lms\.preset/);
      assert.equal((await lmsErrorOf(source.rowsAfter("exam", null, 1))).reason, "schema");

      // What was added is seen without a restart.
      await lms.execute("alter table attempts add percentage int");
      await lms.execute("alter table exams add total_marks numeric(10,2)");
      await lms.execute(`create table ${q}_BatchToStudent${q} (${q}A${q} int, ${q}B${q} int)`);
      await source.check();
      await source.rowsAfter("exam", null, 1);
    },
  });

  Deno.test({
    name: `rowsAfter() looks at the tables of ${name} again when they changed under it`,
    ignore,
    fn: async () => {
      await using lms = await makeLms(server, "drift");
      await lms.writer.exam({ id: 1 });
      await lms.writer.content({ id: 5, examId: 1 });
      await lms.writer.attempt({ id: 1, exam_id: 1 });
      const source = await lms.open();
      await source.rowsAfter("exam", null, 1);
      await lms.execute(
        lms.writer.dialect === "postgres" ? 'drop table "ChapterToContent"' : "drop table ChapterToContent",
      );
      assert.equal((await source.rowsAfter("exam", null, 1)).rows[0]?.activity?.title, "Exam 1");
    },
  });

  Deno.test({
    name: `check() names the tables of ${name} that the role may not read, and the remedy`,
    ignore,
    fn: async () => {
      await using lms = await makeLms(server, "denied");
      const role = `lms_no_${crypto.randomUUID().slice(0, 8)}`;
      const url = new URL(lms.config.url);
      const database = url.pathname.slice(1);
      url.username = role;
      const maria = lms.writer.dialect === "mysql";
      const grants = maria
        ? [
          ...["%", "localhost"].map((host) => `create user ${role}@'${host}'`),
          ...["%", "localhost"].map((host) => `grant select on \`${database}\`.students to ${role}@'${host}'`),
        ]
        : [
          `create role ${role} login`,
          `grant select on all tables in schema public to ${role}`,
          `revoke select on attempts, "ChapterContent" from ${role}`,
        ];
      for (const statement of grants) await lms.execute(statement);
      const source = await lms.open({ url: url.href });
      try {
        const error = await lmsErrorOf(source.check());
        assert.equal(error.reason, "schema");
        assert.match(error.message, /^Cannot read tables "attempts".*"ChapterContent".*: permission denied$/);
        assert.match(error.hint ?? "", maria ? /grant select on `attempts` to / : /grant select on "attempts", /);
        const one = await lmsErrorOf(source.rowsAfter("exam", null, 1));
        assert.equal(one.message, 'Cannot read table "attempts": permission denied');
        assert.match(one.hint ?? "", new RegExp(role));
      } finally {
        await source.close();
        const ends = maria
          ? ["%", "localhost"].map((host) => `drop user ${role}@'${host}'`)
          : [`drop owned by ${role}`, `drop role ${role}`];
        for (const statement of ends) await lms.execute(statement);
      }
    },
  });

  Deno.test({
    name: `a statement of ${name} that takes too long is ended by the server, and the next one works`,
    ignore,
    fn: async () => {
      await using lms = await makeLms(server, "slow");
      const { driver } = await openDriver({ ...lms.config, statementTimeoutMs: 1_500 }); // only the sleep is to meet it
      try {
        const sleep = lms.writer.dialect === "postgres"
          ? "select pg_sleep(30)::text"
          : "select count(*) from information_schema.collations a, information_schema.collations b," +
            " information_schema.collations c, information_schema.collations d";
        const error = await lmsErrorOf(driver.read((session) => session.rows(sleep)));
        assert.equal(error.reason, "timeout");
        assert.match(error.hint ?? "", /lms\.statement_timeout/);
        assert.deepEqual(await driver.read((session) => session.rows("select '1'")), [["1"]]);
      } finally {
        await driver.close();
      }
    },
  });

  Deno.test({
    name: `openLms() is used again without a restart when ${name} was away and came back`,
    ignore,
    fn: async () => {
      await using lms = await makeLms(server, "away");
      await using proxy = new TcpProxy(address(lms.config.url));
      const source = await lms.open({ url: through(lms.config.url, proxy), password: new Secret(SECRET) })
        .then(async (withPassword) => {
          // The test servers let in without a password: give it to the error messages only.
          await withPassword.close();
          return await lms.open({ url: through(lms.config.url, proxy) });
        });
      await source.check();
      proxy.reset();
      await source.check(); // a pooled connection that died unnoticed costs no call
      proxy.refuse();
      for (let i = 0; i < 3; i++) {
        const error = await lmsErrorOf(source.rowsAfter("exam", null, 1));
        assert.deepEqual([error.reason, error.exitCode], ["unreachable", 4]);
        assert.match(error.message, new RegExp(`Cannot reach the LMS database at 127.0.0.1:${proxy.port}/`));
      }
      proxy.listen();
      assert.deepEqual(await source.rowsAfter("exam", null, 1), { rows: [], bad: [] });
    },
  });

  Deno.test({
    name: `a connection to ${name} that went silent is dropped at the deadline, and the next call makes a new one`,
    ignore,
    fn: async () => {
      await using lms = await makeLms(server, "silent");
      await using proxy = new TcpProxy(address(lms.config.url));
      const source = await openLms(
        { ...lms.config, url: through(lms.config.url, proxy), statementTimeoutMs: 60_000 },
        { deadlineGraceMs: -57_000 }, // so that no server ends a statement that is slow, as any may be on a loaded machine
      );
      try {
        await source.check();
        proxy.freeze();
        const error = await lmsErrorOf(source.rowsAfter("exam", null, 1));
        assert.deepEqual([error.reason, error.exitCode], ["unreachable", 4]);
        assert.match(error.message, /no answer for/);
        proxy.thaw();
        await source.rowsAfter("exam", null, 1);
        assert.equal(proxy.accepted, 2);
      } finally {
        await source.close();
      }
    },
  });
}

Deno.test({
  name: "P3: a pooler that refuses the read-only start parameter is used without it",
  ignore: servers[0]?.[1] === null,
  fn: async () => {
    await using lms = await makeLms(servers[0]?.[1] ?? null, "pooler");
    const refusal = new TextEncoder().encode(
      "SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: default_transaction_read_only\0\0",
    );
    const answer = new Uint8Array(5 + refusal.length);
    answer[0] = "E".charCodeAt(0);
    new DataView(answer.buffer).setInt32(1, refusal.length + 4);
    answer.set(refusal, 5);
    await using proxy = new TcpProxy(
      address(lms.config.url),
      (bytes) => new TextDecoder().decode(bytes).includes("default_transaction_read_only") ? answer : null,
    );
    const { driver } = await openDriver({ ...lms.config, url: through(lms.config.url, proxy) });
    try {
      const first = () => driver.read((s) => s.rows("select current_setting('default_transaction_read_only')"));
      assert.deepEqual(await Promise.all([first(), first()]), [[["off"]], [["off"]]], "both begin with a refusal");
      assert.match(
        (await lmsErrorOf(driver.read((s) => s.rows("delete from attempts")))).message,
        /read-only transaction/,
      );
    } finally {
      await driver.close();
    }
  },
});

Deno.test("openLms() says unreachable when nobody listens or the name is unknown", async () => {
  const port = freePort();
  const config = {
    name: "testpress",
    password: new Secret(SECRET),
    preset: "testpress",
    timezone: "UTC",
    links: {},
    statementTimeoutMs: 1000,
    examDurationUnit: "auto",
  } as const;
  for (const scheme of ["postgres", "mysql"]) {
    for (const host of [`127.0.0.1:${port}`, "lms.invalid"]) {
      const source = await openLms({ ...config, url: `${scheme}://reader@${host}/lms` });
      const error = await lmsErrorOf(source.check());
      assert.deepEqual([error.reason, error.exitCode], ["unreachable", 4], `${scheme} ${host}: ${error.message}`);
      assert.ok(error.hint);
      await source.close();
    }
  }
});

Deno.test("openLms() throws ConfigError when the preset, the zone or the URL cannot be used", async () => {
  const config = {
    name: "testpress",
    url: "postgres://reader@127.0.0.1:1/lms",
    password: null,
    preset: "testpress",
    timezone: "UTC",
    links: {},
    statementTimeoutMs: 1000,
    examDurationUnit: "auto",
  } as const;
  for (
    const [changes, message] of [
      [{ preset: "blackboard" }, /unknown/],
      [{ timezone: "Mars/Olympus" }, /time zone/],
      [{ url: "sqlite:lms.db" }, /must begin with postgres:/],
      [{ url: "postgres://reader@127.0.0.1" }, /no database/],
      [{ url: "postgres://reader@127.0.0.1/lms?sslmode=maybe" }, /a value of sslmode that is unknown/],
      [{ url: "postgres://reader@127.0.0.1/lms?sslrootcert=/nowhere/ca.pem" }, /a sslrootcert that does not exist/],
      [{ url: "mysql://reader@127.0.0.1/lms?ssl-mode=VERIFY_IDENTITY" }, /needs a host name/],
      [{ url: "pglite:./lms" }, /embedded/],
    ] as const
  ) {
    await assert.rejects(
      openLms({ ...config, ...changes }),
      (error: unknown) => error instanceof ConfigError && message.test(error.message),
      JSON.stringify(changes),
    );
  }
});
