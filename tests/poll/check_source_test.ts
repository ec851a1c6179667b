import assert from "node:assert/strict";
import { startCluster } from "../chaos/harness/cluster.ts";
import type { LmsSource } from "../../lib/source/lms_source.ts";
import { logger } from "../../lib/base/log.ts";
import { LmsError } from "../../lib/base/errors.ts";
import { checkSource, compareSource, SourceWatch } from "../../lib/poll/check_source.ts";
import type { SourceVerdict } from "../../lib/poll/judge_source.ts";
import { readSource, readSourceNotice } from "../../lib/state/sources.ts";
import {
  copyPostgresDatabase,
  realMariaDb,
  realPostgres,
  type TestServer,
  withPostgres,
} from "../support/databases.ts";
import { makeLms } from "../support/lms/lms_database.ts";
import { TcpProxy } from "../support/lms/tcp_proxy.ts";
import { type PollBench, withBench } from "./poll_bench.ts";

const postgres = await realPostgres();
const mariaDb = await realMariaDb();

/** An LMS of twelve finished exams that this state knows, asked at the address that its URL says. */
async function known(server: TestServer, work: (bench: PollBench) => Promise<void>): Promise<void> {
  await withBench({ name: "source", lms: server, state: "embedded" }, {}, async (bench) => {
    await twelveExams(bench.writer);
    await checkSource(bench.db, await bench.source(), logger("poll"), false);
    await bench.firstContact();
    await work(bench);
  });
}

async function twelveExams(writer: PollBench["writer"]): Promise<void> {
  const student = Number(await writer.student());
  const exam = await writer.exam();
  for (let id = 1; id <= 12; id++) {
    await writer.attempt({ id, user_id: student, exam_id: exam, state: "Completed", result: "Pass", score: 80 + id });
  }
}

async function verdictOf({ db }: PollBench, source: LmsSource): Promise<SourceVerdict> {
  return (await compareSource(db, source)).verdict;
}

/** The source at another address; what is stored must stay when it is refused. */
async function refused(bench: PollBench, source: LmsSource, verdict: SourceVerdict): Promise<LmsError> {
  const before = await bench.dump();
  assert.equal(await verdictOf(bench, source), verdict);
  let refusal: unknown;
  await assert.rejects(checkSource(bench.db, source, logger("poll"), false), (error) => {
    refusal = error;
    return error instanceof LmsError && error.reason === "identity" && error.exitCode === 1;
  });
  assert.equal(await bench.dump(), before);
  assert.ok(refusal instanceof LmsError);
  return refusal;
}

const changedUrl = (url: string, change: (url: URL) => void): string => {
  const changed = new URL(url);
  change(changed);
  return changed.href;
};

if (postgres === null) Deno.test({ name: "an edited address on PostgreSQL", ignore: true, fn: () => {} });
else {
  const server = postgres;
  const { hostname, port } = new URL(server.url);
  const target = { hostname, port: Number(port || 5432) };

  Deno.test("a copy beside the original in one cluster is another database", () =>
    known(server, async (bench) => {
      const original = new URL(bench.lms.config.url).pathname.slice(1);
      const copy = await copyPostgresDatabase(server, original);
      try {
        const staging = await bench.lms.open({ url: copy.url });
        const { now, sample } = await compareSource(bench.db, staging);
        const { identity } = await readSource(bench.db, "testpress");
        assert.equal(now.system, identity?.system);
        assert.deepEqual(sample, { known: 12, same: 12 });
        const { message, hint } = await refused(bench, staging, "edited");
        for (const name of [original, copy.name]) {
          assert.ok(message.includes(`"${name}"`) && message.includes(`${target.port}/${name}`), message);
        }
        assert.match(message, /is not the one that this state knows.*Stored: .*Present: .*as in any copy$/);
        assert.match(hint ?? "", /--accept-source/);

        await checkSource(bench.db, staging, logger("poll"), true);
        assert.equal(await verdictOf(bench, staging), "known");
        await refused(bench, await bench.source(), "edited"); // and the way back is confirmed as well
        await staging.close();
      } finally {
        await copy.drop();
      }
    }));

  Deno.test("a copy in another schema of the same database is another one", () =>
    known(server, async (bench) => {
      await bench.lms.execute("create schema staging");
      const tables = await withPostgres(
        bench.lms.config.url,
        (sql) => sql.unsafe<{ name: string }[]>("select tablename as name from pg_tables where schemaname = 'public'"),
      );
      for (const { name } of tables) {
        await bench.lms.execute(`create table staging."${name}" as table public."${name}"`);
      }
      const url = changedUrl(bench.lms.config.url, (u) => u.searchParams.set("schema", "staging"));
      const { message } = await refused(bench, await bench.lms.open({ url }), "other_database");
      assert.match(message, /schema "staging"/);
    }));

  Deno.test("an edited port is followed to the same database, and not to one of the same name elsewhere", () =>
    known(server, async (bench) => {
      await using proxy = new TcpProxy(target);
      const at = (to: number) => changedUrl(bench.lms.config.url, (u) => u.port = String(to));
      const before = await readSource(bench.db, "testpress");
      const source = await bench.lms.open({ url: at(proxy.port) });
      assert.equal(await verdictOf(bench, source), "address_changed");
      await checkSource(bench.db, source, logger("poll"), false);
      assert.deepEqual(await readSource(bench.db, "testpress"), { ...before, address: source.address });
      assert.equal(await verdictOf(bench, source), "known");

      const cluster = await startCluster();
      assert.ok(typeof cluster !== "string", String(cluster));
      await using _ = cluster;
      await using other = await makeLms(sameName(cluster.url, bench.lms.config.url));
      await twelveExams(other.writer);
      const elsewhere = await bench.lms.open({ url: other.config.url });
      assert.deepEqual((await compareSource(bench.db, elsewhere)).sample, { known: 12, same: 12 });
      await refused(bench, elsewhere, "edited");

      // Behind the address that nobody edited it is an upgrade or a failover.
      const system = (await elsewhere.identity()).system;
      proxy.failOver({ hostname: "127.0.0.1", port: cluster.port });
      assert.equal(await verdictOf(bench, source), "system_changed");
      await checkSource(bench.db, source, logger("poll"), false);
      assert.equal((await readSource(bench.db, "testpress")).identity?.system, system);
      assert.match((await readSourceNotice(bench.db, "testpress"))?.text ?? "", /12 of 12 sampled rows are the same/);
      await bench.deliver();
      await bench.deliver();
      const notices = bench.standIn.dmsTo(bench.standIn.owner.id).map(({ content }) => content);
      assert.equal(notices.length, 1);
      assert.match(notices[0] ?? "", new RegExp(`another database system than before: \\d+, now ${system}`));
      assert.equal(await readSourceNotice(bench.db, "testpress"), null);

      // And back to the first one, whose rows are others by now.
      await bench.lms.execute("update attempts set score = score + 1, percentage = 7");
      proxy.failOver(target);
      await refused(bench, source, "other_rows");
      await source.close();
    }));

  Deno.test("a name against its own address, another user and words about TLS are no edit", () =>
    known(server, async (bench) => {
      const { url } = bench.lms.config;
      const role = `lmsmon_other_${crypto.randomUUID().slice(0, 8)}`;
      await bench.lms.execute(
        `create role ${role} login password 'x'; grant select on all tables in schema public to ${role}`,
      );
      try {
        const edits: [string, (url: URL) => void, SourceVerdict][] = [
          ["user and password", (u) => [u.username, u.password] = [role, "x"], "known"],
          ["TLS", (u) => u.searchParams.set("sslmode", "prefer"), "known"],
          ["name", (u) => u.hostname = "localhost", "address_changed"],
        ];
        for (const [what, change, verdict] of edits) {
          const source = await bench.lms.open({ url: changedUrl(url, change) });
          assert.equal(await verdictOf(bench, source), verdict, what);
          await checkSource(bench.db, source, logger("poll"), false);
          await source.close();
        }
      } finally {
        await bench.lms.execute(`drop owned by ${role}; drop role ${role}`);
      }
    }));

  Deno.test("a state of 0.1 is judged as 0.1 did, and then knows the address", () =>
    known(server, async (bench) => {
      const source = await bench.source();
      const as01 = async (change: Record<string, string>) => {
        await bench.db.sql`
          update lmsmon.sources
             set address = null, identity = (identity - 'schema') || ${JSON.stringify(change)}::text::jsonb`;
      };
      const present = await source.identity();
      for (const change of [{}, { system: "1" }, { database: "renamed_since" }]) {
        await as01(change);
        assert.equal(await verdictOf(bench, source), "address_learned");
        await checkSource(bench.db, source, logger("poll"), false);
        const { systemIsUnique: _, ...identity } = present;
        assert.deepEqual(await readSource(bench.db, "testpress"), { identity, address: source.address });
        assert.equal(await readSourceNotice(bench.db, "testpress"), null);
      }
      await as01({ system: "1" });
      await bench.lms.execute("update attempts set score = score + 1, percentage = 7");
      await refused(bench, source, "other_rows");
    }));
}

if (mariaDb === null) Deno.test({ name: "an edited address on MariaDB", ignore: true, fn: () => {} });
else {
  const server = mariaDb;
  Deno.test("MariaDB: what becomes of a column while watch runs is noticed before the next poll", () =>
    withBench({ name: "altered", lms: server, state: "embedded" }, {}, async ({ lms, db, writer }) => {
      await twelveExams(writer);
      const source = await lms.open({ timezone: "Asia/Kolkata" });
      const watch = new SourceWatch(db, source, logger("poll"), false);
      await watch.check(true);
      const time = async () => (await source.rowsByIds("exam", ["1"])).rows[0]?.startedAt;
      await lms.execute("set time_zone = '+05:30'");
      await lms.execute("update attempts set date = '2026-11-20 09:15:00'");
      const before = await time();
      // A column that knows its instant, which the server tells by the session's clock from now on.
      await lms.execute("alter table attempts modify date timestamp(3) null");
      await watch.check(false);
      assert.equal(await time(), before);
      await lms.execute("alter table content_attempts drop foreign key content_attempts_assessment_id_fkey");
      await lms.execute("alter table attempts modify id double not null");
      for (const _ of [1, 2]) {
        await assert.rejects(
          watch.check(false),
          (error) => error instanceof LmsError && /Cannot page by attempts.id \(double\)/.test(error.message),
        );
      }
      await lms.execute("alter table attempts modify id int not null");
      await watch.check(false);
    }));

  Deno.test("MariaDB: an edited database or port is confirmed, a name against its own address is none", () =>
    known(server, async (bench) => {
      const { url } = bench.lms.config;
      await using copy = await makeLms(server, "copy");
      await twelveExams(copy.writer);
      const staging = await bench.lms.open({ url: copy.config.url });
      assert.deepEqual((await compareSource(bench.db, staging)).sample, { known: 12, same: 12 });
      await refused(bench, staging, "edited");

      // MariaDB's identifier is made of port and network card: it is the same here, and proves nothing.
      const { hostname, port } = new URL(url);
      await using proxy = new TcpProxy({ hostname, port: Number(port || 3306) });
      const edited = await bench.lms.open({ url: changedUrl(url, (u) => u.port = String(proxy.port)) });
      assert.equal((await edited.identity()).systemIsUnique, false);
      await refused(bench, edited, "edited");
      await edited.close();

      const named = await bench.lms.open({ url: changedUrl(url, (u) => u.hostname = "localhost") });
      assert.equal(await verdictOf(bench, named), "address_changed");
      await checkSource(bench.db, named, logger("poll"), false);
      assert.equal(await verdictOf(bench, named), "known");
      await refused(bench, staging, "edited");
    }));
}

/** A server on which the next database has the same name as that of `url`. */
function sameName(server: string, url: string): TestServer {
  const name = new URL(url).pathname.slice(1);
  return {
    dialect: "postgres",
    url: server,
    createDatabase: async () => {
      await withPostgres(server, (sql) => sql.unsafe(`create database "${name}" template template0`));
      return {
        url: changedUrl(server, (u) => u.pathname = `/${name}`),
        name,
        drop: async () => {
          await withPostgres(server, (sql) => sql.unsafe(`drop database "${name}" with (force)`));
        },
      };
    },
  };
}
