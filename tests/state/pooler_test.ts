import assert from "node:assert/strict";
import { LmsError, StateError } from "../../lib/base/errors.ts";
import { openState } from "../../lib/state/open_state.ts";
import type { Queryable, Transaction } from "../../lib/state/state_db.ts";
import { endWaiting } from "../../sql/state/stuck_writers.ts";
import { makeLms } from "../support/lms/lms_database.ts";
import { TcpProxy } from "../support/lms/tcp_proxy.ts";
import { createServerDatabase } from "../support/state/server_state.ts";
import { serverTest } from "../support/state/with_state.ts";
import { spawnPgBouncer } from "../support/spawned_servers.ts";
import { makePlace, postgresServer, through } from "../commands/lmsmon_place.ts";

/** Enough statements at once that they meet on connections of the server which others have prepared theirs on. */
const AT_ONCE = 40;
const MOST_TRIES = 100;
/** Far longer than they take; without it, one that is never answered would keep all tests waiting. */
const PATIENCE_MS = 30_000;

for (
  const [what, settings] of [
    ["refuses start parameters", []],
    ["ignores start parameters", ["ignore_startup_parameters = idle_in_transaction_session_timeout"]],
  ] as const
) {
  serverTest(`a state behind PgBouncer in transaction mode, which ${what}, is recognised and goes on`, async () => {
    const database = await createServerDatabase(true);
    try {
      await using pooler = await spawnPgBouncer(database.url, settings);
      if (pooler === null) return; // no PgBouncer on this machine
      const { url } = pooler;
      for (const dryRun of [false, true]) {
        await using state = await openState({ url, password: null }, { dryRun });
        await using other = await openState({ url, password: null }, { dryRun });
        for (let round = 0; round < 3; round++) {
          const asked = [state, other].flatMap(({ sql }) =>
            // Those with a value are sent in two parts where nothing is prepared, the others at once.
            Array.from(
              { length: AT_ONCE },
              (_, i) =>
                i % 2 === 0 ? sql<{ n: number }[]>`select ${i}::int + 1 as n` : sql<{ n: number }[]>`select 0 as n`,
            )
          );
          const answers = (await withinPatience(Promise.all(asked))).map(([row]) => row?.n);
          assert.deepEqual(answers, [...asked.keys()].map((i) => i % 2 === 0 ? i % AT_ONCE + 1 : 0));
        }
      }
    } finally {
      await database.drop();
    }
  });
}

serverTest(
  "a session of the pooler that somebody else uses by now is not ended for the one who was stopped in it",
  async () => {
    const database = await createServerDatabase(true);
    try {
      await using pooler = await spawnPgBouncer(database.url, ["default_pool_size = 1"]);
      if (pooler === null) return; // no PgBouncer on this machine
      const config = { url: pooler.url, password: null };
      await using stopped = await openState(config);
      await using next = await openState(config);
      await using watching = await openState({ url: database.url, password: null });
      const session = (tx: Transaction) =>
        tx<{ pid: number }[]>`select pg_backend_pid() as pid`.then(([row]) => row?.pid ?? 0);
      // The one session of the server is this process's until its transaction ends, and the next one's at once.
      const found = await stopped.sql.begin(session);
      const judged = Promise.withResolvers<readonly boolean[]>();
      const outcome = next.sql.begin(async (tx) => {
        const ended: boolean[] = [];
        try {
          assert.equal(await session(tx), found);
          while (!await waits(watching.sql, found));
          const ends = async (waitedMs: number) => (await endWaiting(watching.sql, [found], waitedMs)).length > 0;
          ended.push(await ends(60_000));
          // Any signal of the server to its sessions, as when others make a database, wakes a waiting one up for a moment.
          let isEnded = false;
          for (let tries = 0; !isEnded && tries < MOST_TRIES; tries++) isEnded = await ends(0);
          ended.push(isEnded);
        } finally {
          judged.resolve(ended); // the transaction is over as soon as its connection is, which may be before this
        }
        await session(tx);
      });
      await assert.rejects(outcome, /terminat|CONNECTION_/);
      assert.deepEqual(await judged.promise, [false, true], "who has waited that long is ended, and nobody else");
    } finally {
      await database.drop();
    }
  },
);

for (const ignored of [[], ["ignore_startup_parameters = idle_in_transaction_session_timeout"]]) {
  serverTest(`a state behind a pooler in statement mode is refused with the remedy [${ignored}]`, async () => {
    const database = await createServerDatabase(true);
    try {
      await using pooler = await spawnPgBouncer(database.url, ["pool_mode = statement", ...ignored]);
      if (pooler === null) return; // no PgBouncer on this machine
      await assert.rejects(openState({ url: pooler.url, password: null }), (error) => {
        assert.ok(error instanceof StateError);
        assert.match(error.message, /the pooler before it lets no transactions through$/);
        assert.match(error.hint ?? "", /pool_mode = transaction/);
        return true;
      });
    } finally {
      await database.drop();
    }
  });
}

for (const ignored of [[], ["ignore_startup_parameters = default_transaction_read_only"]]) {
  Deno.test({
    ignore: postgresServer === null,
    name: `an LMS behind a pooler in statement mode is refused with the remedy [${ignored}]`,
  }, async () => {
    await using lms = await makeLms(postgresServer, "pooled");
    await using pooler = await spawnPgBouncer(lms.config.url, ["pool_mode = statement", ...ignored]);
    if (pooler === null) return; // no PgBouncer on this machine
    const source = await lms.open({ url: pooler.url });
    await assert.rejects(source.check(), (error) => {
      assert.ok(error instanceof LmsError);
      assert.match(error.message, /^Cannot use the LMS .*: the pooler before it lets no transactions through$/);
      assert.match(error.hint ?? "", /pool_mode = transaction.*lms\.url$/);
      assert.equal(error.exitCode, 4);
      return true;
    });
  });
}

const ONE_SESSION = ["pool_mode = session", "default_pool_size = 1", "query_wait_timeout = 1"];

Deno.test({
  ignore: postgresServer === null,
  name: "a state behind a pooler in session mode with no session left is asked for once, and the remedy named",
}, async () => {
  await using place = await makePlace();
  await using pooler = await spawnPgBouncer(place.stateUrl, ONE_SESSION);
  if (pooler === null) return; // no PgBouncer on this machine
  const { hostname, port } = new URL(pooler.url);
  await using proxy = new TcpProxy({ hostname, port: Number(port) });
  await using _ = await openState({ url: pooler.url, password: null });
  await place.configure({ state: { url: through(pooler.url, proxy.port) } });
  const { code, err } = await place.home.run("stats");
  assert.equal(code, 1, err);
  assert.match(err, /Cannot reach the state database .*query_wait_timeout\n/);
  assert.match(err, /session mode each process of lmsmon needs 4 .*default_pool_size/);
  assert.ok(proxy.accepted <= 3, `connected ${proxy.accepted} times`); // each waits as long as the pooler lets it
});

Deno.test({
  ignore: postgresServer === null,
  name: "an LMS behind a pooler in session mode with no session left names the remedy",
}, async () => {
  await using lms = await makeLms(postgresServer, "pooled");
  await using pooler = await spawnPgBouncer(lms.config.url, ONE_SESSION);
  if (pooler === null) return; // no PgBouncer on this machine
  const { url } = pooler;
  await (await lms.open({ url })).check();
  const source = await lms.open({ url });
  await assert.rejects(source.check(), (error) => {
    assert.ok(error instanceof LmsError);
    assert.match(error.message, /^Cannot reach the LMS .*query_wait_timeout$/);
    assert.match(error.hint ?? "", /session mode each process of lmsmon needs 2 .*default_pool_size/);
    return true;
  });
});

Deno.test({
  ignore: postgresServer === null,
  name: "watch goes on telling when a pooler in transaction mode comes between it and its state",
}, async () => {
  await using place = await makePlace({ state: "server" });
  await using pooler = await spawnPgBouncer(place.stateUrl, [
    "ignore_startup_parameters = idle_in_transaction_session_timeout",
  ]);
  if (pooler === null) return; // no PgBouncer on this machine
  const { url } = pooler;
  const pairs = [await place.pair(), await place.pair(), await place.pair()];
  const exam = await place.lms.writer.exam();
  await place.configure({ state: { url } });
  await using watcher = place.home.start("watch", "--interval", "1s");
  await watcher.said(/First contact/);
  assert.match(watcher.err, /behind a pooler/);
  const told: Promise<unknown>[] = [];
  for (let id = 1; id <= 12; id++) {
    told.push(place.zulip.next((message) => message.content.includes(`a${id} `)));
    const student = 5000 + id;
    await place.lms.writer.student({ id: student, display_name: `a${id} b` });
    await place.lms.writer.link(Number(pairs[id % 3]?.mentor), student);
    const date = Temporal.Now.instant().toString().slice(0, 19).replace("T", " ");
    await place.lms.writer.attempt({ id, user_id: student, exam_id: exam, date, state: "Completed", result: "Pass" });
  }
  await Promise.all(told);
  const { code, err } = await watcher.stop();
  assert.equal(code, 0, err);
  assert.doesNotMatch(err, /in trouble/);
});

/** Whether the server has noticed that this session's client says nothing just now. */
async function waits(sql: Queryable, pid: number): Promise<boolean> {
  const [row] = await sql<{ type: string }[]>`select wait_event_type as type from pg_stat_activity where pid = ${pid}`;
  return row?.type === "Client";
}

async function withinPatience<T>(answers: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("Some statements are never answered")), PATIENCE_MS);
  return await Promise.race([answers, late.promise]).finally(() => clearTimeout(timer));
}
