import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";
import { copyPostgresDatabase, withPostgres } from "../support/databases.ts";
import { startCluster } from "../chaos/harness/cluster.ts";
import { LmsWriter } from "../../lib/demo/lms_writer.ts";
import { TcpProxy } from "../support/lms/tcp_proxy.ts";
import { grantReading, type LmsmonPlace, makePlace, postgresServer, through } from "./lmsmon_place.ts";
import { freePort } from "../support/free_port.ts";

const ignore = postgresServer === null;
const utcNow = () => Temporal.Now.instant().toString({ fractionalSecondDigits: 0 }).slice(0, 19).replace("T", " ");
const FAILED = { state: "Completed", result: "Fail", score: 11, percentage: 11 };
const REFUSED = /is not the one that this state knows/;

/** Twelve exams of the past that are known, and how a further one is failed now. */
async function institute(place: LmsmonPlace) {
  const { student, zulipId } = await place.pair();
  const exam = await place.lms.writer.exam({ title: "Rank Test" });
  for (let id = 1; id <= 12; id++) {
    await place.lms.writer.attempt({ id, user_id: student, exam_id: exam, date: utcNow(), ...FAILED, score: id });
  }
  assert.equal((await place.home.run("poll-once")).code, 0);
  const failed = (id: number) => ({ id, user_id: student, exam_id: exam, date: utcNow(), ...FAILED });
  return { zulipId, failed };
}

/** Everything stored but who polls. */
function dump(place: LmsmonPlace): Promise<string> {
  return withPostgres(place.stateUrl, async (sql) => {
    const tables = await sql.unsafe(
      "select tablename as name from pg_tables where schemaname = 'lmsmon' and tablename <> 'leases' order by 1",
    );
    const rows = [];
    for (const { name } of tables) {
      rows.push(name, ...(await sql.unsafe(`select x::text as t from lmsmon.${name} x order by 1`)).map(({ t }) => t));
    }
    return rows.join("\n");
  });
}

async function readiness(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`);
  await response.body?.cancel();
  return response.status;
}

/** Resolves when it is; a standby looks once an interval whether the LMS was confirmed. */
async function ready(port: number): Promise<void> {
  for (const end = performance.now() + 45_000; await readiness(port) !== 200;) {
    assert.ok(performance.now() < end, "still not ready");
    await systemClock.sleep(50, new AbortController().signal);
  }
}

Deno.test({
  ignore,
  name: "a staging copy is not taken for production: lms.url edited to a copy of the same rows under another name",
}, async () => {
  if (postgresServer === null) return;
  await using place = await makePlace({ state: "server" });
  const { zulipId, failed } = await institute(place);
  const production = new URL(place.lms.config.url).pathname.slice(1);
  const copy = await copyPostgresDatabase(postgresServer, production);
  try {
    await grantReading(copy.url);
    // An exam that production never had.
    await withPostgres(copy.url, async (sql) => {
      await new LmsWriter({ dialect: "postgres", execute: (s) => sql.unsafe(s) }).attempt(failed(13));
    });
    const url = String(place.config["lms"]?.["url"]).replace(production, copy.name);
    const port = freePort();
    await place.configure({ lms: { url }, listen: `127.0.0.1:${port}` });
    const before = await dump(place);

    for (const args of [["poll-once"], ["poll-once", "--dry-run"], ["poll-once", "--no-notify"], ["map-users"]]) {
      const { code, err } = await place.home.run(...args);
      assert.equal(code, 1, `${args.join(" ")}: ${err}`);
      assert.match(err, REFUSED);
      assert.match(err, /--accept-source/);
    }
    for (const args of [["watch"], ["watch", "--dry-run"]]) {
      await using watcher = place.home.start(...args, "--interval", "1s");
      await watcher.said(new RegExp(`Polling is in trouble[^]*${REFUSED.source}`));
      if (args.length === 1) assert.equal(await readiness(port), 503);
      assert.equal((await watcher.stop()).code, 0);
    }
    const doctor = await place.home.run("doctor");
    assert.equal(doctor.code, 1);
    const line = doctor.out.split("\n").find((each) => REFUSED.test(each)) ?? "";
    assert.ok(line.startsWith("✗"), doctor.out);
    const at = new URL(postgresServer.url).port || "5432";
    for (const name of [production, copy.name]) assert.ok(line.includes(`:${at}/${name}`), line);
    assert.doesNotMatch(doctor.out, /✓ state +knows/);

    assert.equal(await dump(place), before, "nothing is stored meanwhile");
    assert.equal(place.zulip.messages.length, 0, "and nothing told");

    // Confirmed once, it is the LMS from now on; a watch that waits for it need not be started anew.
    await using watcher = place.home.start("watch", "--interval", "1s");
    await watcher.said(REFUSED);
    assert.equal(await readiness(port), 503);
    // The watch has a look each second, which takes all of it on a busy machine: no place is free for long.
    const accepted = await place.home.run("poll-once", "--accept-source", "--no-notify", "--wait");
    assert.equal(accepted.code, 0, accepted.err);
    await watcher.said(/Polling works again/);
    await place.zulip.next(({ content }) => content.includes("Rank Test"));
    assert.equal(await readiness(port), 200);
    assert.equal((await watcher.stop()).code, 0);
    assert.equal(place.zulip.dmsTo(zulipId).length, 1);
    assert.equal((await place.home.run("poll-once")).code, 0);
    const good = await place.home.run("doctor");
    assert.match(good.out, new RegExp(`✓ state +knows "testpress" as postgres database "${copy.name}"`));
  } finally {
    await copy.drop();
  }
});

Deno.test({
  ignore,
  name: "of two watches that wait for an LMS to be confirmed, the one that stands by afterwards is ready, too",
}, async () => {
  await using place = await makePlace({ state: "server" });
  assert.ok(postgresServer);
  await institute(place);
  assert.equal((await place.home.run("poll-once")).code, 0);
  const production = new URL(place.lms.config.url).pathname.slice(1);
  const copy = await copyPostgresDatabase(postgresServer, production);
  try {
    await grantReading(copy.url);
    const url = String(place.config["lms"]?.["url"]).replace(production, copy.name);
    await place.configure({ lms: { url } });
    const ports = [freePort(), freePort()];
    await using one = place.home.start("watch", "--interval", "1s", "--listen", `127.0.0.1:${ports[0]}`);
    await using two = place.home.start("watch", "--interval", "1s", "--listen", `127.0.0.1:${ports[1]}`);
    const both = [one, two];
    for (const watcher of both) await watcher.said(REFUSED);
    for (const port of ports) assert.equal(await readiness(port), 503);
    // A reload in between forgets nothing of it.
    await place.configure({ lms: { url }, notify: { gather: "2s" } });
    for (const watcher of both) watcher.kill("SIGHUP");
    for (const watcher of both) await watcher.said(/Read the configuration again: notify.gather/);
    const accepted = await place.home.run("poll-once", "--accept-source", "--wait");
    assert.equal(accepted.code, 0, accepted.err);
    for (const port of ports) await ready(port);
    await Promise.any(both.map((watcher) => watcher.said(/Standing by: testpress is polled by/)));
    await Promise.all(both.map((watcher) => watcher.stop()));
  } finally {
    await copy.drop();
  }
});

Deno.test({
  ignore,
  name: "poll-once --accept-source waits while a watch that needs the confirmation has a look at the LMS",
}, async () => {
  await using place = await makePlace({ state: "server" });
  await institute(place);
  // As such a watch has it, but for longer than the program takes to start.
  await withPostgres(
    place.stateUrl,
    (sql) =>
      sql.unsafe(
        "update lmsmon.leases set holder = 'other|1|?x', expires_at = clock_timestamp() + interval '4 seconds'",
      ),
  );
  const accepted = await place.home.run("poll-once", "--accept-source");
  assert.equal(accepted.code, 0, accepted.err);
});

Deno.test({
  ignore,
  name: "watch goes on with a warning when another system with the same rows answers, and stops at one with other rows",
}, async () => {
  await using place = await makePlace({ state: "server" });
  const { zulipId, failed } = await institute(place);
  const cluster = await startCluster();
  assert.ok(typeof cluster !== "string", String(cluster));
  await using _ = cluster;
  const name = new URL(place.lms.config.url).pathname.slice(1);
  const upgraded = await cluster.createDatabase(name);
  await onDatabase(upgraded, async (writer) => {
    await writer.createSchema();
    await writer.link(await writer.mentor(), await writer.student());
    await writer.exam({ title: "Rank Test" });
    for (let id = 1; id <= 12; id++) await writer.attempt({ ...failed(id), score: id });
  });
  await grantReading(upgraded);
  const { hostname, port } = new URL(place.lms.config.url);
  const first = { hostname, port: Number(port || 5432) };
  await using proxy = new TcpProxy(first);
  const listen = freePort();
  await place.configure({
    lms: { url: through(String(place.config["lms"]?.["url"]), proxy.port) },
    listen: `127.0.0.1:${listen}`,
  });

  await using watcher = place.home.start("watch", "--interval", "1s");
  await watcher.said(/The address of the LMS changed, and it is the same database/);
  await place.lms.writer.attempt(failed(13));
  const told = await place.zulip.next(({ content }) => content.includes("Rank Test"));
  assert.equal(await readiness(listen), 200);

  // A failover between two polls: no poll fails, connections are made anew in silence.
  await onDatabase(upgraded, (writer) => writer.attempt(failed(13)));
  proxy.failOver({ hostname: "127.0.0.1", port: cluster.port });
  await watcher.said(/Another database system answers at the LMS's address/);
  await place.zulip.next(({ content }) => content.includes("another database system than before"));
  await onDatabase(upgraded, (writer) => writer.attempt(failed(14)));
  await place.zulip.next(({ id, content }) => id !== told.id && content.includes("Rank Test"));

  // Back to the first one, in which every row is another by now.
  await place.lms.execute("update attempts set score = score + 1, percentage = 7");
  proxy.failOver(first);
  await watcher.said(new RegExp(REFUSED.source));
  assert.equal(await readiness(listen), 503);
  assert.equal((await watcher.stop()).code, 0);
  assert.equal(place.zulip.dmsTo(zulipId).length, 2);
});

Deno.test({
  ignore,
  name: "doctor names the relation over which no full pass is skipped, and an edited address where nothing answers",
}, async () => {
  await using place = await makePlace();
  await institute(place);
  const good = await place.home.run("doctor");
  assert.match(good.out, /✓ lms +idle full passes are skipped/);
  assert.match(
    good.out,
    /✓ state +knows "testpress" as postgres database "[^"]+", system \d+ at postgres 127\.0\.0\.1:/,
  );
  assert.doesNotMatch(good.out, /row-level security/);
  await place.lms.execute("alter table attempts enable row level security");
  assert.match((await place.home.run("doctor")).out, /! lms +row-level security may hide rows from lmsmon's role/);
  await place.lms.execute("alter table attempts disable row level security");
  await place.lms.execute("alter table attempts rename to all_attempts");
  await place.lms.execute("create view attempts as select * from all_attempts where date <= now()");
  await grantReading(place.lms.config.url);
  assert.match((await place.home.run("doctor")).out, /lms +full passes are never skipped: "attempts" is a view\n/);

  const closed = freePort();
  await place.configure({ lms: { url: through(String(place.config["lms"]?.["url"]), closed) } });
  const away = await place.home.run("doctor");
  assert.equal(away.code, 4);
  assert.match(
    away.out,
    new RegExp(`! state +knows "testpress" as .*; lms\\.url is now at postgres 127\\.0\\.0\\.1:${closed}/`),
  );
  assert.doesNotMatch(away.out, /✓ state +knows/);
});

async function onDatabase(url: string, work: (writer: LmsWriter) => Promise<unknown>): Promise<void> {
  await withPostgres(url, (sql) => work(new LmsWriter({ dialect: "postgres", execute: (s) => sql.unsafe(s) })));
}
