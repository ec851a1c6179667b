import assert from "node:assert/strict";
import { makePlace as make, postgresServer } from "./lmsmon_place.ts";
import { withPostgres } from "../support/databases.ts";

const ignore = postgresServer === null;
const PASSED = { state: "Completed", result: "Pass", score: 148, percentage: 82 };

const makePlace = async (...args: Parameters<typeof make>) => {
  const place = await make(...args);
  const { student, mentor, zulipId } = await place.pair();
  const exam = await place.lms.writer.exam({ title: "Rank Test" });
  return {
    place,
    zulipId,
    mentor,
    /** Finished, or started, just now. */
    attempt: (id: number, values: Record<string, string | number> = {}) =>
      place.lms.writer.attempt({ id, user_id: student, exam_id: exam, date: utcNow(), ...values }),
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
};

const utcNow = () => Temporal.Now.instant().toString({ fractionalSecondDigits: 0 }).slice(0, 19).replace("T", " ");
const withoutTimes = (text: string) =>
  text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME").replaceAll(/\b\d\d:\d\d\b/g, "HH:MM").replaceAll(
    /`ref \w{5}`/g,
    "`ref MARKER`",
  );

Deno.test(
  { ignore, name: "poll-once tells of the past at first contact, then of news, in text and JSON" },
  async (t) => {
    await using bench = await makePlace({ state: "embedded" });
    const { place, attempt } = bench;
    for (let id = 1; id <= 8; id++) await attempt(id, id % 2 ? {} : PASSED);
    const dry = await place.home.run("poll-once", "--dry-run");
    assert.deepEqual([dry.code, dry.err], [0, ""]);
    await t.step("dry run at first contact: counts and five samples", () => t.assertSnapshot(withoutTimes(dry.out)));
    const first = await place.home.run("poll-once");
    assert.deepEqual([first.code, first.err, place.zulip.messages.length], [0, "", 0]);
    await t.step("first contact", () => t.assertSnapshot(first.out));

    await place.lms.writer.updateAttempt(1, PASSED);
    const dryNews = await place.home.run("poll-once", "--dry-run");
    await t.step("dry run with news: the event and the message", () => t.assertSnapshot(withoutTimes(dryNews.out)));
    const dryJson = await place.home.run("poll-once", "--dry-run", "--json");
    await t.step("dry run as JSON", () => t.assertSnapshot(JSON.parse(withoutTimes(dryJson.out))));
    assert.equal(place.zulip.messages.length, 0);
    const held = await place.home.run("poll-once", "--no-notify", "--json");
    await t.step("as JSON, with --no-notify", () => t.assertSnapshot(JSON.parse(held.out)));
    assert.deepEqual([held.code, place.zulip.messages.length], [0, 0]);
    const pending = await place.home.run("poll-once", "--dry-run");
    assert.match(pending.out, /^1 delivery of earlier polls would go out, too$/m);

    const sent = await place.home.run("poll-once");
    await t.step("what was left pending is delivered", () => t.assertSnapshot(sent.out));
    assert.equal(place.zulip.dmsTo(bench.zulipId).length, 1);
    assert.equal((await place.home.run("poll-once")).code, 0);
    assert.equal(place.zulip.messages.length, 1);
  },
);

Deno.test({ ignore, name: "poll-once --dry-run changes nothing, on a server and on an embedded state" }, async () => {
  await using bench = await makePlace({ state: "server" });
  const { place, attempt } = bench;
  await attempt(1);
  await place.home.run("poll-once");
  await place.lms.writer.updateAttempt(1, PASSED);
  await attempt(2);
  const dump = () =>
    withPostgres(place.stateUrl, async (sql) => {
      const tables = await sql.unsafe("select tablename from pg_tables where schemaname = 'lmsmon' order by 1");
      const all: string[] = [];
      for (const { tablename } of tables) {
        all.push(
          tablename,
          ...(await sql.unsafe(`select x::text as t from lmsmon."${tablename}" x order by 1`)).map(({ t }) => t),
        );
      }
      return all.join("\n");
    });
  const before = await dump();
  const { code, out } = await place.home.run("poll-once", "--dry-run");
  assert.equal(code, 0);
  assert.match(out, /exam_passed exam attempt 1/);
  assert.equal(await dump(), before);
  assert.deepEqual([...new Set(place.zulip.requests.map(({ method }) => method))], ["GET"], "nothing is posted");

  // A state that was never created stays so.
  await place.configure({ state: { url: "pglite:./nowhere" } });
  const fresh = await place.home.run("poll-once", "--dry-run");
  assert.match(fresh.out, /First contact/);
  await assert.rejects(Deno.stat(`${place.home.folder}/nowhere/data`));
});

Deno.test({ ignore, name: "P11: poll-once --dry-run says that the fuse would hold what it shows" }, async () => {
  await using bench = await makePlace();
  const { place, attempt } = bench;
  await place.home.run("poll-once");
  await attempt(1, PASSED);
  await attempt(2, PASSED);
  await place.configure({ notify: { digest_above: 9, fuse: { messages_per_poll: 1 } } });
  const { out } = await place.home.run("poll-once", "--dry-run");
  assert.match(out, /^The fuse would hold these messages: 2 messages in one poll, more than 1$/m);
  const { held_reason: why, messages } = JSON.parse((await place.home.run("poll-once", "--dry-run", "--json")).out);
  assert.deepEqual([why, messages.length], ["2 messages in one poll, more than 1", 2]);
});

Deno.test({ ignore, name: "poll-once ends with 4 when Zulip is away, and the next one delivers" }, async () => {
  await using bench = await makePlace();
  const { place, attempt } = bench;
  await place.home.run("poll-once");
  await attempt(1, PASSED);
  await place.zulip.stop();
  const away = await place.home.run("poll-once", "--json");
  assert.equal(away.code, 4);
  const { poll, delivery } = JSON.parse(away.out);
  assert.deepEqual([poll.events, delivery.sent, delivery.waiting], [1, 0, 1]);
  assert.equal(JSON.parse(away.err.trim().split("\n").at(-1) ?? "").error.code, "zulip");
  place.zulip.restart();
  assert.equal((await place.home.run("poll-once")).code, 0);
  assert.equal(place.zulip.dmsTo(bench.zulipId).length, 1);
});

Deno.test({ ignore, name: "poll-once ends with 4 when the LMS is away, after it sent what was pending" }, async () => {
  await using bench = await makePlace();
  const { place, attempt } = bench;
  await place.home.run("poll-once");
  await attempt(1, PASSED);
  await place.home.run("poll-once", "--no-notify");
  await place.configure({ lms: { url: "postgres://lmsmon_ro@127.0.0.1:1/lms" } });
  const { code, out, err } = await place.home.run("poll-once");
  assert.equal(code, 4);
  assert.equal(out, "Told: 1 delivery in 1 message\n");
  assert.match(
    err,
    /^error: Cannot reach the LMS database at 127\.0\.0\.1:1\/lms: .*\nhint: Check that the server runs/m,
  );
  assert.equal(place.zulip.dmsTo(bench.zulipId).length, 1);
});

Deno.test({
  ignore,
  name: "P9: poll-once ends with 1 and names every missing table and column, with 3 for a state that is not migrated",
}, async () => {
  await using bench = await makePlace({ state: "server" });
  const { place } = bench;
  await place.home.run("poll-once");
  await place.lms.execute("alter table attempts rename column percentage to pct");
  await place.lms.execute('alter table "_MentorToStudent" rename to gone');
  for (const flags of [[], ["--dry-run"]]) {
    const { code, err } = await place.home.run("poll-once", ...flags);
    assert.equal(code, 1);
    assert.match(err, /^error: Cannot find in the LMS database: attempts\.percentage, _MentorToStudent\nhint: /);
  }
  await place.lms.execute("alter table attempts rename column pct to percentage");
  await place.lms.execute('alter table gone rename to "_MentorToStudent"');
  await place.lms.execute("revoke select on students from lmsmon_ro");
  const denied = await place.home.run("poll-once");
  assert.equal(denied.code, 1);
  assert.match(denied.err, /permission denied|Cannot read table "students"/);
  assert.match(denied.err, /hint: Run as the owner: grant select on "students" to "lmsmon_ro"/);

  await withPostgres(place.stateUrl, (sql) => sql.unsafe("drop schema lmsmon cascade"));
  const unmigrated = await place.home.run("poll-once", "--json");
  assert.equal(unmigrated.code, 3);
  const { error } = JSON.parse(unmigrated.err);
  assert.equal(error.code, "migration");
  assert.match(error.hint, /lmsmon migrate/);
});

Deno.test(
  { ignore, name: "poll-once says that it is switched off, and what is missing in the configuration" },
  async () => {
    await using bench = await makePlace({ state: "none" });
    const { place } = bench;
    await place.configure({ enabled: false });
    const off = await place.home.run("poll-once");
    assert.deepEqual([off.code, off.err], [0, ""]);
    assert.equal(off.out, "lmsmon is switched off (enabled: false): nothing was polled, nothing was sent\n");
    assert.deepEqual(JSON.parse((await place.home.run("poll-once", "--json")).out), {
      schema: 1,
      command: "poll-once",
      source: "testpress",
      enabled: false,
    });
    await place.configure({ zulip: { site: null, email: null, api_key: null } });
    const { code, err } = await place.home.run("poll-once");
    assert.equal(code, 2);
    assert.match(err, /zulip/);
  },
);

Deno.test(
  { ignore, name: "P1: poll-once beside a poller says at once who polls; with --wait after the life of a lease" },
  async () => {
    await using bench = await makePlace({ state: "server" });
    const { place } = bench;
    await using watcher = place.home.start("watch");
    await watcher.said(/Polling testpress/);
    const polledBy = new RegExp(
      `Cannot poll "testpress" now: it is being polled by host .*, process ${watcher.pid}\\n`,
    );
    const began = performance.now();
    const first = await place.home.run("poll-once");
    assert.equal(first.code, 1);
    assert.match(first.err, polledBy);
    assert.match(first.err, /--wait/);
    assert.ok(performance.now() - began < 60_000, "it does not wait");
    await place.configure({ poll: { interval: "4s" } }); // how long --wait waits; before it was a minute
    const since = performance.now();
    const late = await place.home.run("poll-once", "--wait");
    assert.ok(performance.now() - since >= 4_000, "it waits");
    assert.equal(late.code, 1);
    assert.match(late.err, polledBy);
    watcher.kill("SIGKILL");
    await watcher.finished;
    assert.equal((await place.home.run("poll-once")).code, 0, "a dead poller is replaced at once");
  },
);
