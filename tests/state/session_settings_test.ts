import assert from "node:assert/strict";
import { StateError } from "../../lib/base/errors.ts";
import { openState } from "../../lib/state/open_state.ts";
import type { Sql } from "../../lib/state/state_db.ts";
import { makePlace, postgresServer } from "../commands/lmsmon_place.ts";
import { withPostgres } from "../support/databases.ts";
import { spawnPgBouncer } from "../support/spawned_servers.ts";
import { createServerDatabase } from "../support/state/server_state.ts";

const HOSTILE = [
  "array_nulls = off",
  "bytea_output = 'escape'",
  "client_encoding = 'LATIN1'",
  "datestyle = 'German, DMY'",
  "default_transaction_isolation = 'serializable'",
  "extra_float_digits = -12",
  "intervalstyle = 'iso_8601'",
  "lock_timeout = '1ms'",
  "quote_all_identifiers = on",
  "search_path = traps, pg_catalog",
  "standard_conforming_strings = off",
  "statement_timeout = '20ms'",
  "timezone = 'Asia/Tokyo'",
  "transform_null_equals = on",
];

async function spoil(url: string, settings: readonly string[]): Promise<void> {
  const database = new URL(url).pathname.slice(1);
  await withPostgres(url, async (sql) => {
    await sql.unsafe("create schema traps");
    await sql.unsafe("create function traps.length(text) returns int language sql as 'select 0'");
    for (const setting of settings) await sql.unsafe(`alter role current_user in database ${database} set ${setting}`);
  });
}

Deno.test({
  name: "P1: what the role or database of the state was set to makes no event, hides none and stops nothing",
  ignore: postgresServer === null,
}, async () => {
  await using place = await makePlace({ state: "server" });
  const { student } = await place.pair();
  const exam_id = await place.lms.writer.exam();
  await place.lms.execute("alter table attempts alter score type double precision");
  await spoil(place.stateUrl, HOSTILE);
  const poll = async () => {
    const { code, out, err } = await place.home.run("poll-once", "--json");
    assert.equal(code, 0, err);
    const { poll, delivery } = JSON.parse(out);
    return [poll.events, delivery.messages, poll.rows_changed];
  };
  assert.deepEqual(await poll(), [0, 0, 0]);
  await place.lms.writer.attempt({
    ...{ id: 1, user_id: student, exam_id, state: "Completed", result: "Pass" },
    ...{ score: 77.123456789, percentage: 42, date: "2026-01-01 09:00:00", last_started_time: null },
  });
  await place.configure({ notify: { max_age: null } });
  assert.deepEqual(await poll(), [1, 1, 1]);
  // The same verdict in another spelling: the row is looked at again, and its score is still the one that was told.
  await place.lms.writer.updateAttempt(1, { result: "pass" });
  await place.configure({ notify: { max_age: null, revisions: "score" } });
  assert.deepEqual(await poll(), [0, 0, 1]);
});

Deno.test({
  name: "no limit of time of a role holds for sessions of the state",
  ignore: postgresServer === null,
}, async () => {
  const database = await createServerDatabase(true);
  try {
    await spoil(database.url, HOSTILE);
    await using db = await openState({ url: database.url, password: null });
    const [row] = await db.sql`
      select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock`;
    assert.deepEqual({ ...row }, { statement: "0", lock: "0" });
  } finally {
    await database.drop();
  }
});

Deno.test({
  name: "a state whose role reads values otherwise behind a pooler is refused, with what to set",
  ignore: postgresServer === null,
}, async () => {
  const database = await createServerDatabase(true);
  try {
    await using pooler = await spawnPgBouncer(database.url);
    if (pooler === null) return; // no PgBouncer on this machine
    await spoil(database.url, ["extra_float_digits = -12", "array_nulls = off"]);
    await assert.rejects(openState({ url: pooler.url, password: null }), (error) => {
      assert.ok(error instanceof StateError);
      assert.match(error.message, /its sessions have array_nulls = off, extra_float_digits = -12, and the pooler/);
      assert.match(error.hint ?? "", /set array_nulls = 'on', and the same with extra_float_digits = '1'; or go past/);
      return true;
    });
  } finally {
    await database.drop();
  }
});

Deno.test({
  name: "a session that the server ends because nobody used it (idle_session_timeout) is no lost connection",
  ignore: postgresServer === null,
}, async () => {
  const database = await createServerDatabase(true);
  await withPostgres(database.url, async (sql) => {
    await using state = await openState({ url: database.url, password: null }, { connections: 1 });
    /** Again where it was sent just as the server ended the session. */
    const ask = async (question: (sql: Sql) => PromiseLike<readonly { readonly pid?: number }[]>) =>
      (await Promise.resolve(question(state.sql)).catch(() => question(state.sql)))[0]?.pid ?? 0;
    for (let times = 0; times < 3; times++) {
      // Its own limit, not the database's: that would hit sessions that a slow machine is still making as well.
      const pid = await ask((sql) =>
        sql<{ pid: number }[]>`select pg_backend_pid() as pid, set_config('idle_session_timeout', '1s', false)`
      );
      assert.notEqual(pid, 0);
      while ((await sql.unsafe("select from pg_stat_activity where pid = $1", [pid])).length > 0);
    }
    assert.notEqual(await ask((sql) => sql<{ pid: number }[]>`select pg_backend_pid() as pid`), 0);
    assert.equal(state.losses, 0);
  });
  await database.drop();
});
