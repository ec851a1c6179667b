import assert from "node:assert/strict";
import { startCluster } from "../chaos/harness/cluster.ts";
import { UNLIMITED } from "../../lib/stand_in/zulip_stand_in.ts";
import { startArmedStandIn } from "../support/stand_in/armed_stand_in.ts";
import type { Notifier } from "../../lib/tell/notifier.ts";
import { openState } from "../../lib/state/open_state.ts";
import { withPostgres } from "../support/databases.ts";
import { TcpProxy } from "../support/lms/tcp_proxy.ts";
import { withStateDirectory } from "../support/state/state_directory.ts";
import { startStateProcess } from "../support/state/state_process.ts";
import { onServer } from "../support/state/server_state.ts";
import { serverTest, withState } from "../support/state/with_state.ts";
import { Outbox, outboxTest } from "./outbox_fixture.ts";

const READING = /reading what the bot sent before the next message/;
/** request_timeout and settle of the fixture, and a little. */
const SETTLED_MS = 93_000;

const warnings = (box: Outbox) => box.lines.filter((line) => READING.test(line.message));
const result = (box: Outbox) => box.lines.findLast((line) => /^Read what the bot sent/.test(line.message))?.properties;

async function rounds(box: Outbox, notifier: Notifier, advanceMs: readonly number[]) {
  const ended = [];
  for (const ms of advanceMs) {
    box.clock.advance(ms);
    ended.push(await box.round(notifier).catch(() => null)); // its connection may be cut in the middle
  }
  return ended;
}

/** How often each of the given mentors was told. */
const told = (box: Outbox, users: readonly number[]) => users.map((user) => box.contents(user).length);

serverTest(
  "asynchronous failover of the state's server in the middle of a chunk: 40 of 40 messages are told once",
  async () => {
    const cluster = await startCluster();
    if (typeof cluster === "string") {
      if (Deno.env.get("LMSMON_TEST_REQUIRE") === "1") throw new Error(`Cannot run the test: ${cluster}`);
      return; // a server is there, and not the programs to make another
    }
    await using primary = cluster;
    await primary.createDatabase("state");
    const target = { hostname: "127.0.0.1", port: primary.port };
    await using proxy = new TcpProxy(target);
    const url = `postgres://postgres@127.0.0.1:${proxy.port}/state?sslmode=disable`;
    await using db = await openState({ url, password: null }, { migrate: "auto" });
    const boxes: Outbox[] = [];
    await using standIn = await startArmedStandIn({
      rateLimit: UNLIMITED,
      nowMs: () => (boxes[0]?.clock.now() ?? Temporal.Now.instant().epochMilliseconds * 1000) / 1000,
    });
    const box = new Outbox(db, standIn, {});
    boxes.push(box);
    const mentors = Array.from({ length: 40 }, (_, i) => i + 1);
    const users: number[] = [];
    for (const id of mentors) users.push(await box.mentor(id));
    // The standby gets twenty of the events, and nothing that comes after them.
    for (const id of mentors.slice(0, 20)) await box.event({ student: 17, mentors: [id], attempt: 700 + id });
    const standby = await primary.standby();
    await withPostgres(standby.url, async (sql) => {
      await sql.unsafe("alter system set primary_conninfo = ''");
      await sql.unsafe("select pg_reload_conf()");
      await sql.unsafe("select pg_promote(true, 180)");
    });
    for (const id of mentors.slice(20)) await box.event({ student: 17, mentors: [id], attempt: 700 + id });

    const notifier = box.notifier();
    const arrived = box.standIn.next((message) => message.participants.includes(users[24] ?? 0));
    const sending = box.round(notifier).catch(() => null);
    await arrived;
    target.port = standby.port;
    proxy.reset();
    await sending;
    await primary.stop("immediate");
    const before = box.standIn.messages.length;
    assert.ok(before >= 8 && before <= 40, `${before} messages were sent before the failover`);

    // Nothing leaves while something may still be on its way, nor before the events that the standby never got are found again.
    const [, held, waiting] = await rounds(box, notifier, [1000, 1000, SETTLED_MS]);
    assert.deepEqual([held?.guarded, waiting?.guarded, box.standIn.messages.length], [true, true, before]);
    assert.match(waiting?.trouble ?? "", /next full pass/);
    assert.ok(warnings(box).length >= 1);
    assert.match(warnings(box)[0]?.message ?? "", /^The state database lost its connection/);
    const pollId = await box.poll();
    for (const id of mentors.slice(20)) await box.event({ student: 17, mentors: [id], attempt: 700 + id, pollId });
    await rounds(box, notifier, [2000, 2000, 2000]);
    assert.deepEqual(told(box, users), users.map(() => 1));
    assert.ok((await box.logs()).every((row) => row.status === "sent"));
    assert.deepEqual([(await box.logs()).length, result(box)?.["unknown"]], [40, 0]);
    assert.deepEqual(box.contents(box.standIn.owner.id), [], "nobody was asked");
    box.close();
  },
);

outboxTest("a state that is set back under a running process tells nothing twice, and asks nobody", async (box) => {
  const users = [await box.mentor(3), await box.mentor(4)];
  for (let i = 0; i < 3; i++) await box.event({ student: 17, mentors: [3, 4], attempt: 700 + i });
  const notifier = box.notifier();
  await rounds(box, notifier, [0]);
  // An older dump is restored into the database, under open connections.
  await box.db
    .sql`truncate lmsmon.lms_event_logs, lmsmon.messages, lmsmon.recipients, lmsmon.facts, lmsmon.lms_activity_events`;
  await box.db.sql`select setval('lmsmon.messages_message_id_seq', 1, false)`;
  await box.event({ student: 17, mentors: [3, 4], attempt: 700 });
  const [early, held] = await rounds(box, notifier, [1000, SETTLED_MS]);
  assert.deepEqual([early?.guarded, held?.guarded, told(box, users)], [true, true, [1, 1]]);
  assert.match(warnings(box)[0]?.message ?? "", /^The state database was set back/);
  // Others wait for the same pass; a quick poll is none.
  const pollId = await box.poll();
  for (let i = 1; i < 4; i++) await box.event({ student: 17, mentors: [3, 4], attempt: 700 + i, pollId });
  await rounds(box, notifier, [2000, 1000]);
  assert.deepEqual(told(box, users), [2, 2]);
  assert.ok((await box.logs()).every((row) => row.status === "sent"));
  assert.equal(result(box)?.["unknown"], 0);
  assert.deepEqual(box.contents(box.standIn.owner.id), []);
});

outboxTest("what no full pass finds again is asked about, as after a start", async (box) => {
  await box.mentor(3);
  await box.event({ student: 17, mentors: [3], attempt: 700 });
  const notifier = box.notifier();
  await rounds(box, notifier, [0]);
  await box.db
    .sql`truncate lmsmon.lms_event_logs, lmsmon.messages, lmsmon.recipients, lmsmon.facts, lmsmon.lms_activity_events`;
  await box.db.sql`select setval('lmsmon.messages_message_id_seq', 1, false)`;
  await box.event({ student: 17, mentors: [3], attempt: 701 });
  await rounds(box, notifier, [0, SETTLED_MS]);
  assert.deepEqual(box.contents(box.standIn.owner.id), []);
  await box.poll();
  const [refused] = await rounds(box, notifier, [2000]);
  assert.match(refused?.trouble ?? "", /sent 1 notification.*--take-over/s);
  assert.equal(box.contents(box.standIn.owner.id).length, 1);
  const [accepted] = await rounds(box, box.notifier({ takeOver: true }), [0]);
  assert.equal(accepted?.sent, 1);
});

outboxTest("what a lost state told and a person accepted is not told again when its rows come back", async (box) => {
  const users = [await box.mentor(3), await box.mentor(4)];
  await box.event({ student: 17, mentors: [3], attempt: 700 });
  await box.event({ student: 17, mentors: [4], attempt: 701 });
  await rounds(box, box.notifier(), [0]);
  await box.db
    .sql`truncate lmsmon.lms_event_logs, lmsmon.messages, lmsmon.recipients, lmsmon.facts, lmsmon.lms_activity_events`;
  await box.event({ student: 17, mentors: [3, 4], attempt: 702 });
  const notifier = box.notifier({ takeOver: true });
  await rounds(box, notifier, [0]);
  assert.deepEqual(told(box, users), [2, 2]);
  // Deleted by a sync while the state was lost, and inserted again the same.
  await box.event({ student: 17, mentors: [3], attempt: 700 });
  await box.event({ student: 17, mentors: [4], attempt: 703 });
  await rounds(box, notifier, [1000, 1000]);
  assert.deepEqual(told(box, users), [2, 3]);
  assert.ok((await box.logs()).every((row) => row.status === "sent"));
  // Another process, or this one after a restart.
  await box.event({ student: 17, mentors: [4], attempt: 701 });
  await rounds(box, box.notifier(), [1000, 1000]);
  assert.deepEqual(told(box, users), [2, 3]);
  assert.ok((await box.logs()).every((row) => row.status === "sent"));
});

serverTest(
  "a connection to the state that is merely lost costs one look at what was sent, and no waiting",
  async () => {
    await withState("server", async (db, url) => {
      await using standIn = await startArmedStandIn({ rateLimit: UNLIMITED });
      const box = new Outbox(db, standIn, {});
      const three = await box.mentor(3);
      await box.event({ student: 17, mentors: [3] });
      const notifier = box.notifier();
      await rounds(box, notifier, [0]);
      const { length: cut } = await onServer((sql) =>
        sql`
          select pg_terminate_backend(pid) from pg_stat_activity
           where datname = ${new URL(url).pathname.slice(1)} and backend_type = 'client backend'`
      );
      // The ends of the connections arrive when they arrive.
      while (db.losses < cut) await db.sql`select 1`.catch(() => {});
      await box.event({ student: 18, mentors: [3] });
      const asked = box.standIn.requestCount;
      const [round] = await rounds(box, notifier, [0]);
      assert.deepEqual([round?.guarded, round?.sent], [false, 1]);
      assert.equal(warnings(box).length, 1);
      assert.match(warnings(box)[0]?.message ?? "", /^The state database lost its connection/);
      assert.ok(box.standIn.requestCount - asked <= 6, `${box.standIn.requestCount - asked} requests`);
      assert.equal(box.contents(three).length, 2);
      // Once is enough.
      await box.event({ student: 19, mentors: [3] });
      await rounds(box, notifier, [0]);
      assert.equal(warnings(box).length, 1);
      box.close();
    });
  },
);

Deno.test("an embedded directory restored under a running process, whose owner dies, tells nothing twice", () =>
  withStateDirectory(async (path) => {
    const copy = (from: string, to: string) => new Deno.Command("cp", { args: ["-a", from, to] }).output();
    await copy(`${path}/data`, `${path}.backup`); // nobody has it open yet
    const owner = await startStateProcess(`pglite:${path}`);
    await using db = await openState({ url: `pglite:${path}`, password: null });
    assert.deepEqual([owner.opened, db.mode], ["embedded", "via_owner"]);
    await using standIn = await startArmedStandIn({ rateLimit: UNLIMITED });
    const box = new Outbox(db, standIn, {});
    const users = [await box.mentor(3), await box.mentor(4)];
    for (let i = 0; i < 3; i++) await box.event({ student: 17, mentors: [3, 4], attempt: 700 + i });
    const notifier = box.notifier();
    await rounds(box, notifier, [0]);
    assert.deepEqual(told(box, users), [1, 1]);
    await Deno.rename(`${path}/data`, `${path}.lost`);
    await Deno.rename(`${path}.backup`, `${path}/data`);
    await owner.kill("SIGKILL");
    while (!await db.sql`select 1`.then(() => db.mode === "embedded", () => false)); // until this process is the owner
    for (const id of [3, 4]) await box.mentor(id);
    const pollId = await box.poll();
    await box.event({ student: 17, mentors: [3, 4], attempt: 700, pollId });
    await rounds(box, notifier, [0, SETTLED_MS]);
    const pass = await box.poll();
    for (let i = 1; i < 4; i++) await box.event({ student: 17, mentors: [3, 4], attempt: 700 + i, pollId: pass });
    await rounds(box, notifier, [2000, 1000]);
    assert.deepEqual(told(box, users), [2, 2]);
    assert.ok((await box.logs()).every((row) => row.status === "sent"));
    box.close();
  }));
