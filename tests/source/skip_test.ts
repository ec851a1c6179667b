import assert from "node:assert/strict";
import { skipObstacles } from "../../lib/source/skip_obstacles.ts";
import type { LmsSource } from "../../lib/source/lms_source.ts";
import { realMariaDb, realPostgres, withPostgres } from "../support/databases.ts";
import { makeLms, type TestLms } from "../support/lms/lms_database.ts";

const postgres = await realPostgres();
const mysql = await realMariaDb();

/** The LMS on a server of its own: on the shared one other tests commit all the time. */
async function quietLms(): Promise<TestLms> {
  return await makeLms(null, "skip");
}

async function skips(source: LmsSource): Promise<void> {
  assert.equal(await source.whyNoChangeToken(), null);
  const token = await source.changeToken();
  assert.notEqual(token, null);
  assert.equal(await source.changeToken(), token, "nothing was committed");
}

async function neverSkips(source: LmsSource, why: string): Promise<void> {
  assert.equal(await source.changeToken(), null);
  assert.equal(await source.changeToken(), null);
  assert.equal(await source.whyNoChangeToken(), why);
}

Deno.test("a full pass is skipped over ordinary and unlogged tables", async () => {
  await using lms = await quietLms();
  const source = await lms.open();
  await skips(source);
  await lms.execute(`create unlogged table copy (like attempts including all)`);
  await lms.execute("drop table attempts cascade; alter table copy rename to attempts");
  await skips(source);
});

Deno.test("a full pass is never skipped over a view, however it came to be one while lmsmon reads", async () => {
  await using lms = await quietLms();
  const source = await lms.open();
  await skips(source);
  // Results are published at a time: the view's rows change, and nothing is committed.
  await lms.execute("alter table attempts rename to all_attempts");
  await lms.execute("create view attempts as select * from all_attempts where date < now()");
  await neverSkips(source, '"attempts" is a view');
  await lms.execute("drop view attempts; alter table all_attempts rename to attempts");
  await skips(source);
});

Deno.test("every table that is read counts, and all that prevent skipping are named", async () => {
  await using lms = await quietLms();
  const source = await lms.open();
  await lms.execute("alter table user_videos rename to uv; create view user_videos as select * from uv");
  await lms.execute("alter table mentors rename to people; create view mentors as select * from people");
  await neverSkips(source, '"mentors" is a view, "user_videos" is a view');
});

Deno.test("a full pass is never skipped under row-level security, also of a partition", async () => {
  await using lms = await quietLms();
  const source = await lms.open();
  await lms.execute("alter table exams enable row level security");
  await neverSkips(source, '"exams" has row-level security');
  await lms.execute("alter table exams disable row level security");
  await skips(source);
  await partition(lms);
  await lms.execute("alter table attempts_late enable row level security");
  await neverSkips(source, '"attempts" has a partition or child "attempts_late" that has row-level security');
});

Deno.test("a full pass is skipped over a partition tree of ordinary tables, until a leaf is a foreign table", async () => {
  await using lms = await quietLms();
  const source = await lms.open();
  await partition(lms);
  await skips(source);
  const before = await source.changeToken();
  await lms.writer.attempt({ id: 1_000_001, state: "Running" });
  assert.notEqual(await source.changeToken(), before, "a commit in a leaf is seen");
  await lms.execute("create foreign data wrapper elsewhere; create server other foreign data wrapper elsewhere");
  await lms.execute(
    "create foreign table attempts_old partition of attempts for values from (minvalue) to (0) server other",
  );
  await neverSkips(source, '"attempts" has a partition or child "attempts_old" that is a foreign table');
});

Deno.test("a full pass is never skipped when an ordinary table has inherited from by a foreign one", async () => {
  await using lms = await quietLms();
  const source = await lms.open();
  await lms.execute("create foreign data wrapper elsewhere; create server other foreign data wrapper elsewhere");
  await lms.execute("create table near () inherits (content_attempts)");
  await skips(source);
  await lms.execute("create foreign table far () inherits (near) server other");
  await neverSkips(source, '"content_attempts" has a partition or child "far" that is a foreign table');
});

Deno.test("a full pass is skipped over a materialized view until it is refreshed", async () => {
  await using lms = await quietLms();
  const source = await lms.open();
  await lms.execute("alter table attempts rename to base");
  await lms.execute("create materialized view attempts as select * from base");
  await skips(source);
  const before = await source.changeToken();
  await lms.execute("refresh materialized view attempts");
  assert.notEqual(await source.changeToken(), before);
  await skips(source);
});

Deno.test("a session that finds other tables under the names has another token, though nothing was committed", async () => {
  await using lms = await quietLms();
  const source = await lms.open();
  await lms.execute("create schema other; create table other.attempts (like public.attempts including all)");
  const before = await source.changeToken();
  await lms.execute("set search_path = other, public"); // the embedded database has one session for all
  assert.notEqual(await source.changeToken(), before);
});

Deno.test({
  name: "a full pass is never skipped over a foreign table: what was committed on the other server is not seen here",
  ignore: postgres === null,
  fn: async () => {
    if (postgres === null) return;
    await using far = await makeLms(postgres, "far");
    await using near = await makeLms(postgres, "near");
    const { hostname, port, pathname } = new URL(far.config.url);
    await near.execute(
      "create extension postgres_fdw; create server far foreign data wrapper postgres_fdw options " +
        `(host '${hostname}', port '${port || 5432}', dbname '${pathname.slice(1)}');` +
        "create user mapping for public server far options (user 'postgres', password_required 'false');" +
        "drop table attempts cascade; import foreign schema public limit to (attempts) from server far into public",
    );
    const source = await near.open();
    await far.writer.attempt({ id: 1, state: "Running" });
    assert.equal((await source.rowsAfter("exam", null, 10)).rows[0]?.progress, "running");
    await neverSkips(source, '"attempts" is a foreign table');
  },
});

Deno.test({
  name: "a full pass is never skipped where the catalogs cannot be read, and polling goes on",
  ignore: postgres === null,
  fn: async () => {
    if (postgres === null) return;
    await using lms = await makeLms(postgres, "blind");
    const role = `lmsmon_blind_${crypto.randomUUID().slice(0, 8)}`;
    await lms.execute(
      `create role ${role} login; grant select on all tables in schema public to ${role};` +
        "revoke select on pg_catalog.pg_inherits from public",
    );
    try {
      const url = new URL(lms.config.url);
      url.username = role;
      const source = await lms.open({ url: url.href });
      await source.check();
      await neverSkips(source, 'the catalogs cannot be read (Cannot read table "pg_inherits": permission denied)');
      await lms.writer.attempt({ id: 1 });
      assert.equal((await source.rowsAfter("exam", null, 10)).rows.length, 1);
      await lms.execute("grant select on pg_catalog.pg_inherits to public");
      assert.equal(await source.whyNoChangeToken(), null);
      await source.close();
    } finally {
      await lms.execute(`drop owned by ${role}`);
      await withPostgres(lms.config.url, (sql) => sql.unsafe(`drop role ${role}`));
    }
  },
});

Deno.test({
  name: "a full pass is never skipped on MariaDB and MySQL",
  ignore: mysql === null,
  fn: async () => {
    await using lms = await makeLms(mysql, "skip");
    await neverSkips(await lms.open(), "MySQL and MariaDB do not tell whether something was committed");
  },
});

Deno.test("skipObstacles() lets only what is held by this server's commits pass", () => {
  const row = (changes: { kind?: string; persistence?: string; security?: string; method?: string | null }) => {
    const { kind = "r", persistence = "p", security = "0", method = "heap" } = changes;
    return ["attempts", kind, persistence, security, method, "attempts", "1"];
  };
  const why = (changes: Parameters<typeof row>[0]) => skipObstacles([row(changes)]);
  for (const changes of [{}, { kind: "m" }, { kind: "p", method: null }, { persistence: "u" }]) {
    assert.deepEqual(why(changes), []);
  }
  assert.deepEqual(why({ kind: "v", method: null }), ['"attempts" is a view']);
  assert.deepEqual(why({ kind: "f", method: null }), ['"attempts" is a foreign table']);
  assert.deepEqual(why({ kind: "S" }), ['"attempts" is no table (kind "S")']);
  assert.deepEqual(why({ persistence: "t" }), ['"attempts" is a temporary table']);
  assert.deepEqual(why({ security: "1" }), ['"attempts" has row-level security']);
  assert.deepEqual(why({ kind: "p", security: "1", method: null }), ['"attempts" has row-level security']);
  assert.deepEqual(why({ method: "columnar" }), ['"attempts" is stored by "columnar"']);
});

/** The exam attempts as a partitioned table of two leaves. */
async function partition(lms: TestLms): Promise<void> {
  await lms.execute("alter table attempts rename to attempts_single");
  await lms.execute("create table attempts (like attempts_single including defaults) partition by range (id)");
  await lms.execute("create table attempts_early partition of attempts for values from (0) to (1000000)");
  await lms.execute("create table attempts_late partition of attempts for values from (1000000) to (maxvalue)");
}
