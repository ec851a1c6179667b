import assert from "node:assert/strict";
import { type LmsmonPlace, makePlace, postgresServer, through } from "./lmsmon_place.ts";
import { withPostgres } from "../support/databases.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { TcpProxy } from "../support/lms/tcp_proxy.ts";
import { freePort } from "../support/free_port.ts";

const ignore = postgresServer === null;
const PASSED = { state: "Completed", result: "Pass", score: 148, percentage: 82 };
const utcNow = () => Temporal.Now.instant().toString({ fractionalSecondDigits: 0 }).slice(0, 19).replace("T", " ");
const count = (text: string, part: string) => text.split(part).length - 1;

/** An institute of one student, and news about them. */
async function institute(place: LmsmonPlace) {
  const { student, zulipId } = await place.pair();
  const exam = await place.lms.writer.exam();
  const told = (id: number) =>
    place.zulip.next((message) => message.content.includes(`Exam ${exam}`) && message.content.includes(`a${id} `));
  return {
    zulipId,
    told,
    news: (id: number) =>
      place.lms.writer.student({ id: 1000 + id, display_name: `a${id} b` }).then(() =>
        place.lms.writer.link(1, 1000 + id)
      ).then(() => place.lms.writer.attempt({ id, user_id: 1000 + id, exam_id: exam, date: utcNow(), ...PASSED })),
    student,
  };
}

async function readyz(port: number) {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`);
  const { ready, reason, role, delivery } = await response.json();
  assert.equal(response.status, ready ? 200 : 503);
  return { ready, reason, role, delivery };
}

/** Waits until a process that is starting listens and is ready. */
async function readyOnce(port: number): Promise<void> {
  for (const end = performance.now() + 45_000;;) {
    const isReady = await fetch(`http://127.0.0.1:${port}/readyz`).then(async (response) => {
      await response.body?.cancel();
      return response.ok;
    }, () => false);
    if (isReady) return;
    if (performance.now() > end) assert.fail("it never came to listen");
    await systemClock.sleep(100, new AbortController().signal);
  }
}

/** The first answer that is as wanted. */
async function readyWhen(port: number, wanted: (answer: Awaited<ReturnType<typeof readyz>>) => boolean) {
  for (const end = performance.now() + 45_000;;) {
    const answer = await readyz(port);
    if (wanted(answer)) return answer;
    if (performance.now() > end) assert.fail(JSON.stringify(answer));
    await systemClock.sleep(50, new AbortController().signal);
  }
}

/** Whether one that stands by is ready. */
async function standbyIsReady(ports: readonly number[]): Promise<boolean> {
  for (const end = performance.now() + 45_000; performance.now() < end;) {
    for (const port of ports) {
      const { ready, role } = await readyz(port);
      if (ready && role === "standby") return true;
    }
    await systemClock.sleep(50, new AbortController().signal);
  }
  return false;
}

/** Whether the log tells of so many events, in however many polls. */
const found = (events: number) => (text: string) =>
  [...text.matchAll(/"Found (\d+) events?"/g)].reduce((sum, [, n]) => sum + Number(n), 0) >= events;

async function withProxies(place: LmsmonPlace, requestTimeout = "3s") {
  const stack = new AsyncDisposableStack();
  const postgres = Number(new URL(place.lms.config.url).port || 5432);
  const lms = stack.use(new TcpProxy({ hostname: "127.0.0.1", port: postgres }));
  const state = stack.use(new TcpProxy({ hostname: "127.0.0.1", port: postgres }));
  const zulip = stack.use(new TcpProxy({ hostname: "127.0.0.1", port: place.zulip.port }));
  await place.configure({
    lms: { url: through(String(place.config["lms"]?.["url"]), lms.port) },
    zulip: { site: `http://127.0.0.1:${zulip.port}`, settle: "1s", request_timeout: requestTimeout },
    ...(place.stateUrl.startsWith("postgres:") ? { state: { url: through(place.stateUrl, state.port) } } : {}),
  });
  return { lms, state, zulip, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

Deno.test({ ignore, name: "watch tells news, serves health and metrics, and SIGTERM ends it with 0" }, async () => {
  await using place = await makePlace({ state: "embedded" });
  const { news, told } = await institute(place);
  const port = freePort();
  await using watcher = place.home.start("watch", "--interval", "1s", "--listen", `127.0.0.1:${port}`);
  await watcher.said(/First contact/);
  await news(1);
  await told(1);
  await watcher.said(/Told 1 delivery in 1 message/);
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: response.status, text: await response.text() };
  };
  assert.deepEqual(await get("/livez"), { status: 200, text: "alive\n" });
  const ready = await get("/readyz");
  assert.deepEqual([ready.status, JSON.parse(ready.text).ready, JSON.parse(ready.text).role], [200, true, "polling"]);
  assert.deepEqual([JSON.parse(ready.text).reason, JSON.parse(ready.text).delivery], [null, "open"]);
  const metrics = await get("/metrics");
  for (
    const series of [
      /^lmsmon_build_info\{version="[^"]+"\} 1$/m,
      /^lmsmon_polls_total\{source="testpress",mode="full",result="ok"\} \d+$/m,
      /^lmsmon_last_successful_poll_timestamp_seconds\{source="testpress"\} \d{10}/m,
      /^lmsmon_deliveries\{source="testpress",status="waiting"\} 0$/m,
      /^lmsmon_deliveries_ended_total\{source="testpress",status="sent"\} 1$/m,
      /^lmsmon_sends_total\{source="testpress",outcome="sent"\} 1$/m,
      /^lmsmon_oldest_due_seconds\{source="testpress"\} 0$/m,
      /^lmsmon_lms_query_duration_seconds_count\{source="testpress"\} \d+$/m,
      /^lmsmon_zulip_request_duration_seconds_count\{source="testpress",method="POST"\} \d+$/m,
      /^process_start_time_seconds \d{10}/m,
      /^process_resident_memory_bytes \d+/m,
      /^process_cpu_seconds_total \d/m,
    ]
  ) assert.match(metrics.text, series);
  assert.match(metrics.text, /lmsmon_\w*events\w*\{[^}]*exam_passed[^}]*\} 1/);
  assert.doesNotMatch(metrics.text, /a1 b|Mentor/);
  assert.equal((await get("/")).status, 404);
  const { code, err, seconds } = await watcher.stop();
  assert.equal(code, 0);
  assert.ok(seconds < 10, `took ${seconds} s`);
  assert.match(err, /Stopped cleanly/);
  const lines = err.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  const sent = lines.filter((line) => /^Sent message \d+ to mentor:\d+: 1 event, /.test(line.message));
  assert.equal(sent.length, 1, err);
  const [line] = sent;
  const { zulipMessageId, recipient, events, delayS } = line.properties ?? line;
  assert.deepEqual([typeof zulipMessageId, /^mentor:\d+$/.test(recipient), events], ["string", true, 1]);
  assert.ok(delayS >= 0 && delayS < 30, String(delayS));
  assert.equal(lines.filter((each) => /^Told 1 delivery in 1 message$/.test(each.message)).length, 1, err);
  assert.equal(lines.filter((each) => each.message === "Found 1 event").length, 1, err);
});

Deno.test(
  { ignore, name: "watch --no-notify polls and sends nothing; the next watch tells what came meanwhile" },
  async () => {
    await using place = await makePlace();
    const { news, told } = await institute(place);
    {
      await using watcher = place.home.start("watch", "--interval", "1s", "--no-notify");
      await watcher.said(/First contact/);
      await news(1);
      await watcher.said(found(1));
      await news(2); // found by a later poll: a round of deliveries would have come in between
      await watcher.said(found(2));
      assert.equal((await watcher.stop()).code, 0);
    }
    assert.equal(place.zulip.messages.length, 0);
    await using watcher = place.home.start("watch", "--interval", "1s");
    await Promise.all([told(1), told(2)]);
    assert.equal((await watcher.stop()).code, 0);
  },
);

Deno.test({ ignore, name: "watch names an address that it cannot listen on" }, async () => {
  await using place = await makePlace();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { code, err } = await place.home.run("watch", "--listen", `127.0.0.1:${taken.addr.port}`);
  assert.equal(code, 1);
  assert.match(err, /Cannot listen on 127\.0\.0\.1:\d+: another process uses this port\nhint: /);
});

Deno.test({
  ignore: ignore || Deno.build.os !== "linux",
  name: "a thousand half-open connections to listen end neither watch nor its polls, also with few file descriptors",
}, async () => {
  await using place = await makePlace();
  const { news, told } = await institute(place);
  const port = freePort();
  await using watcher = place.home.start("watch", "--interval", "1s", "--listen", `127.0.0.1:${port}`);
  await watcher.said(/First contact/);
  // A thousand are too many for it, 64 are not.
  const limit = ["--pid", `${watcher.pid}`, "--nofile=200:200"];
  assert.ok((await new Deno.Command("prlimit", { args: limit }).output()).success);
  const closed: Promise<unknown>[] = [];
  for (let i = 0; i < 1_000; i++) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(new TextEncoder().encode("GET /livez HTTP/1.1\r\nhost")).catch(() => {});
    closed.push(connection.readable.pipeTo(new WritableStream()).catch(() => {}));
  }
  await news(1);
  await told(1);
  await Promise.all(closed);
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/livez`)).text(), "alive\n");
  assert.equal((await watcher.stop()).code, 0);
});

Deno.test({
  ignore,
  name:
    "watch polls on and pauses delivery with an outgoing webhook bot's key, and says which it is; poll-once ends with 4",
}, async () => {
  await using place = await makePlace({ zulip: { bot: { botType: 3 } } });
  const { news, told } = await institute(place);
  await using watcher = place.home.start("watch", "--interval", "1s");
  await watcher.said(/First contact/);
  await news(1);
  await watcher.said(/Delivery pauses: .*an outgoing webhook bot, which cannot look up what it sent/);
  await news(2);
  await watcher.said(found(2));
  assert.equal((await watcher.stop()).code, 0);
  assert.equal(place.zulip.messages.length, 0);
  const { code, err } = await place.home.run("poll-once");
  assert.equal(code, 4);
  assert.match(err, /an outgoing webhook bot, which cannot look up what it sent/);
  assert.equal(place.zulip.messages.length, 0);
  // A generic bot's key in its place: what waited is told.
  const bot = place.zulip.addUser({
    email: "b@zulip.example",
    isBot: true,
    botType: 1,
    apiKey: "k".repeat(32),
    ownerId: 8,
  });
  await place.configure({ zulip: { email: bot.email, api_key: "k".repeat(32) } });
  const waiting = Promise.all([told(1), told(2)]);
  assert.equal((await place.home.run("poll-once")).code, 0);
  await waiting;
});

Deno.test({
  ignore,
  name: "/readyz says no, and why, while the key is refused, Zulip asks for a long rest, or the guard holds",
}, async () => {
  await using place = await makePlace();
  const { news, told } = await institute(place);
  const [port, other] = [freePort(), freePort()];
  {
    await using watcher = place.home.start("watch", "--interval", "1s", "--listen", `127.0.0.1:${port}`);
    await watcher.said(/First contact/);
    assert.deepEqual(await readyWhen(port, ({ ready }) => ready), {
      ready: true,
      reason: null,
      role: "polling",
      delivery: "open",
    });
    await using standby = place.home.start("watch", "--interval", "1s", "--listen", `127.0.0.1:${other}`);
    await readyOnce(other);
    // Sends alone are refused, reading is not: what stands before Zulip may do that.
    place.zulip.fault({ kind: "401", times: 1_000 });
    await news(1);
    const refused = await readyWhen(port, ({ ready }) => !ready);
    assert.match(refused.reason, /^delivery is blocked: HTTP 401/);
    assert.equal(refused.delivery, "blocked");
    place.zulip.clearFaults();
    await told(1);
    await readyWhen(port, ({ ready }) => ready);
    // Whichever of the two told it; and which of them polls may have changed: with this interval a lease lives for a second and a half.
    assert.ok(await standbyIsReady([port, other]));
    await standby.stop();

    place.zulip.fault({ kind: "429", times: 1, retryAfterS: 600 });
    const began = performance.now();
    await news(2);
    const { reason } = await readyWhen(port, ({ ready }) => !ready);
    const left = Number(/Zulip asks to be left alone for another (\d+) s/.exec(reason)?.[1]);
    assert.ok(left <= 600 && left >= 600 - (performance.now() - began) / 1000, reason);
    await watcher.stop("SIGKILL");
  }
  // Another state, which does not know what the bot sent.
  await using empty = await makePlace({ state: "none" });
  await empty.configure({ ...place.config, state: { url: "pglite:./state" } });
  await using watcher = empty.home.start("watch", "--interval", "1s", "--listen", `127.0.0.1:${other}`);
  await watcher.said(/First contact/);
  await news(3);
  assert.match((await readyWhen(other, ({ ready }) => !ready)).reason, /reconcile|does not know|take-over/);
});

Deno.test({
  ignore,
  name: "watch says once that the LMS is away and once that it is back, and finds what came meanwhile",
}, async () => {
  await using place = await makePlace();
  const { news, told } = await institute(place);
  await using proxies = await withProxies(place);
  await using watcher = place.home.start("watch", "--interval", "1s");
  await watcher.said(/First contact/);
  await news(1);
  await told(1);
  proxies.lms.refuse();
  await watcher.said(/Polling is in trouble/);
  await news(2);
  proxies.lms.listen();
  await watcher.said(/Polling works again/);
  await told(2);
  proxies.lms.freeze();
  await proxies.lms.swallowed; // a poll is in hand
  const { code, seconds, err } = await watcher.stop();
  assert.equal(code, 0, err);
  assert.ok(seconds < 10, `took ${seconds} s`);
  // It did not wait for the answer until a deadline of the statement or of the connection: that would be trouble once more.
  assert.deepEqual([count(err, "in trouble"), count(err, "works again")], [1, 1], err);
});

Deno.test({
  ignore,
  name: "watch says once that Zulip is away, polls on, delivers afterwards, and stops while Zulip stalls",
}, async () => {
  await using place = await makePlace();
  const { news, told } = await institute(place);
  // Longer than any of this takes: it is not the time for an answer that ends anything here.
  await using proxies = await withProxies(place, "1m");
  await using watcher = place.home.start("watch", "--interval", "1s");
  await watcher.said(/First contact/);
  await news(1);
  await told(1);
  proxies.zulip.refuse();
  await news(2);
  await watcher.said(/Delivery pauses/);
  await news(3);
  await watcher.said(found(3));
  proxies.zulip.listen();
  await told(2);
  await told(3);
  await watcher.said(/Delivery goes on/);
  proxies.zulip.freeze();
  await news(4);
  await proxies.zulip.swallowed; // a request is in hand
  const { code, seconds, err } = await watcher.stop();
  assert.equal(code, 0, err);
  assert.ok(seconds < 10, `took ${seconds} s`);
  // It did not wait for the answer either: then delivery would pause once more.
  assert.equal(count(err, "Delivery pauses"), 1, err);
});

Deno.test(
  { ignore, name: "watch lives through an outage of the state database, names it, and stops while it stalls" },
  async () => {
    await using place = await makePlace({ state: "server" });
    const { news, told } = await institute(place);
    await using proxies = await withProxies(place);
    await using watcher = place.home.start("watch", "--interval", "1s");
    await watcher.said(/First contact/);
    await news(1);
    await told(1);
    proxies.state.refuse();
    await watcher.said(/Polling is in trouble[^]*Cannot reach the state database/);
    await news(2);
    proxies.state.listen();
    await watcher.said(/Polling works again/);
    await told(2);
    proxies.state.freeze();
    await proxies.state.swallowed; // a statement is in hand
    const { code, seconds, err } = await watcher.stop();
    assert.equal(code, 0, err);
    assert.ok(seconds < 10, `took ${seconds} s`);
    assert.match(err, /Stopped although something still waits for an answer/);
    // It did not wait for the answer until a deadline of the statement or of the connection: that would be trouble once more.
    assert.equal(count(err, "Polling is in trouble"), 1, err);
  },
);

Deno.test({ ignore, name: "watch ends at once with 143 or 130 at a second signal" }, async () => {
  await using place = await makePlace();
  await institute(place);
  await using proxies = await withProxies(place);
  for (const [signal, expected] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
    await using watcher = place.home.start("watch", "--interval", "1s");
    await watcher.said(/Polling testpress/);
    proxies.lms.freeze();
    await proxies.lms.swallowed; // between two polls there would be nothing in hand, and the first signal would be enough
    watcher.kill(signal);
    await watcher.said(/Stopping on/);
    const { code, seconds, err } = await watcher.stop(signal);
    assert.equal(code, expected);
    assert.ok(seconds < 2, `took ${seconds} s`);
    // At once: it says so when the work in hand ended, and when it was given up.
    assert.doesNotMatch(err, /Stopped/);
    proxies.lms.thaw();
  }
});

Deno.test({
  ignore,
  name: "P1: of two watches on one embedded state the second stands by, and takes over when the first is killed",
}, async () => {
  await using place = await makePlace();
  const { news, told, zulipId } = await institute(place);
  // What the killed one may have left half sent is looked up after this.
  await place.configure({ zulip: { settle: "1s", request_timeout: "2s" } });
  await using first = place.home.start("watch", "--interval", "1s");
  await first.said(/First contact/);
  await news(1);
  await told(1);
  await using second = place.home.start("watch", "--interval", "1s");
  await second.said(/Standing by: testpress is polled by/);
  await news(2);
  await told(2);
  first.kill("SIGKILL");
  await first.finished;
  await news(3);
  await second.said(/Polling testpress/);
  await told(3);
  assert.equal((await second.stop()).code, 0);
  assert.equal(place.zulip.dmsTo(zulipId).length, 3);
});

Deno.test({ ignore, name: "watch stops polling an LMS that was exchanged, until --accept-source" }, async () => {
  await using place = await makePlace({ state: "server" });
  const { news } = await institute(place);
  for (let id = 1; id <= 12; id++) await news(id);
  assert.equal((await place.home.run("poll-once")).code, 0);
  // Another institute's database behind the same address.
  await place.lms.execute("update attempts set user_id = 1, score = score + 1, percentage = 7");
  await rewriteIdentity(place);
  await using watcher = place.home.start("watch", "--interval", "1s");
  await watcher.said(/Polling is in trouble[^]*is not the one that this state knows[^]*--accept-source/);
  const { code } = await watcher.stop();
  assert.equal(code, 0);
  const refused = await place.home.run("poll-once", "--no-notify", "--json");
  assert.equal(refused.code, 1);
  assert.match(refused.err, /not the one that this state knows/);
  assert.equal((await place.home.run("poll-once", "--no-notify", "--accept-source")).code, 0);
  assert.equal((await place.home.run("poll-once", "--no-notify")).code, 0);
});

/** As if the rows had been recorded from another server. */
async function rewriteIdentity(place: LmsmonPlace): Promise<void> {
  await withPostgres(
    place.stateUrl,
    (sql) =>
      sql.unsafe(`update lmsmon.sources set identity = '{"dialect":"postgres","system":"1","database":"other"}'`),
  );
}

Deno.test(
  {
    ignore,
    name:
      "P1: watch over ten rows tells a new row below the highest id, and a finished row corrected, in its next polls",
  },
  async () => {
    await using place = await makePlace();
    const { news, told } = await institute(place);
    for (let id = 1001; id <= 1010; id++) await news(id);
    // Of a pass during which the machine stood still watch believes that it is that dear; the next one comes after this at the latest.
    await place.configure({ poll: { full_pass: "15s" } });
    await using watcher = place.home.start("watch", "--interval", "1s");
    await watcher.said(/First contact/);
    await news(5);
    await told(5);
    await place.lms.execute("update attempts set score = 30, percentage = 20, result = 'Fail' where id = 1001");
    await told(1001);
    // A pass of at most 100 ms is part of every poll. A slow machine may take longer, even for ten rows, and then has fewer.
    // Milliseconds are shown rounded, so 100 of them may be either.
    const [pass] = JSON.parse((await place.home.run("stats", "--json")).out).full_passes;
    if (pass.cost_ms !== 100) {
      assert.ok(pass.cost_ms < 100 ? pass.period_s === 0 : pass.cost_ms / 1000 < pass.period_s, JSON.stringify(pass));
    }
    const doctor = await place.home.run("doctor");
    const [, period, costMs] =
      /watch compares every row (in every poll|every \d+ s), which costs the LMS (\d+) ms/.exec(doctor.out) ?? [];
    assert.ok(costMs !== undefined, doctor.out);
    if (costMs !== "100") assert.equal(period === "in every poll", Number(costMs) < 100, doctor.out);
    assert.equal((await watcher.stop()).code, 0);
  },
);
