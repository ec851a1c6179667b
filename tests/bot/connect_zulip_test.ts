import assert from "node:assert/strict";
import { getLogger } from "@logtape/logtape";
import { startZulipStandIn } from "../../lib/stand_in/zulip_stand_in.ts";
import type { FaultKind } from "../support/stand_in/faults.ts";
import { ZulipError } from "../../lib/base/errors.ts";
import { connectZulip } from "../../lib/bot/connect_zulip.ts";
import { startRawServer } from "../support/raw_http.ts";
import { sendWithEnvironment } from "../support/send_process.ts";
import { standInConfig, startZulip, zulipConfig } from "../support/zulip.ts";
import { untilServerIsKnown } from "./known_server.ts";

const log = getLogger(["lmsmon", "zulip"]);
const OWNER = { type: "direct", userId: "8" } as const;

async function zulipErrorOf(promise: Promise<unknown>): Promise<ZulipError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof ZulipError, String(error));
    return error;
  }
  return assert.fail("nothing was thrown");
}

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

Deno.test("send() puts a direct message into the mentor's conversation", async () => {
  await using bundle = await startZulip();
  const { standIn, zulip } = bundle;
  const mentor = standIn.addUser({ email: "mentor@inst.example" });
  const outcome = await zulip.send({ type: "direct", userId: String(mentor.id) }, "Hello **you** & +1 %20\n\nä 🎓");
  const [message] = standIn.dmsTo(mentor.id);
  assert.equal(message?.content, "Hello **you** & +1 %20\n\nä 🎓");
  assert.deepEqual(outcome, { outcome: "sent", zulipMessageId: String(message?.id) });
});

for (const featureLevel of [185, 237, 277, 321, 500]) {
  Deno.test(`send() and ownMessages() use the words of feature level ${featureLevel}`, async () => {
    await using bundle = await startZulip({ featureLevel });
    const { standIn, zulip } = bundle;
    standIn.addChannel("Mentors' corner");
    const channel = { type: "channel", channel: "Mentors' corner", topic: "unmatched" } as const;
    assert.equal((await zulip.send(OWNER, "direct")).outcome, "sent");
    assert.equal((await zulip.send(channel, "to all")).outcome, "sent");
    assert.deepEqual((await collect(zulip.ownMessages(OWNER, 0))).map((m) => m.content), ["direct"]);
    assert.deepEqual((await collect(zulip.ownMessages(channel, 0))).map((m) => m.content), ["to all"]);
    assert.deepEqual((await collect(zulip.ownMessages(undefined, 0))).map((m) => m.content), ["direct"]);
    const form = new URLSearchParams(standIn.requests.findLast((request) => request.method === "POST")?.body);
    assert.equal(form.get("type"), featureLevel < 248 ? "stream" : "channel");
    assert.equal(
      form.get("read_by_sender"),
      featureLevel < 236 ? null : "true",
      "else the bot's own messages are unread to it",
    );
  });
}

Deno.test("server() refuses a Zulip older than 7.0 and names the remedy; send() pauses instead of failing recipients", async () => {
  await using bundle = await startZulip({ featureLevel: 184, version: "6.2" });
  const error = await zulipErrorOf(bundle.zulip.server());
  assert.match(error.message, /Zulip 6\.2 .* feature level 184, 185 is needed/);
  assert.match(error.hint ?? "", /7\.0 or newer/);
  assert.equal((await bundle.zulip.send(OWNER, "x")).outcome, "unauthorized");
  assert.equal(bundle.standIn.messages.length, 0);
});

Deno.test("server() asks once however many sends begin together", async () => {
  await using bundle = await startZulip();
  await Promise.all(Array.from({ length: 20 }, () => bundle.zulip.send(OWNER, "x")));
  assert.equal(bundle.standIn.requests.filter((request) => request.path.endsWith("/server_settings")).length, 1);
});

const AFTER_FAULT: readonly [FaultKind, string, number][] = [
  ["429", "rate_limited", 0],
  ["429_html", "rate_limited", 0],
  ["401", "unauthorized", 0],
  ["500_before_commit", "unknown", 0],
  ["500_after_commit", "unknown", 1],
  ["502_html", "unknown", 0],
  ["503_html", "unknown", 0],
  ["504_html", "unknown", 0],
  ["504_after_commit", "unknown", 1],
  ["reset_before_commit", "unknown", 0],
  ["reset_after_commit", "unknown", 1],
  ["late_answer", "unknown", 1],
  ["truncated_json", "unknown", 1],
  ["slow_trickle", "unknown", 1],
  ["not_json", "unknown", 1],
];
for (const [kind, expected, stored] of AFTER_FAULT) {
  Deno.test(`P5: send() is ${expected} after ${kind}, and the server has ${stored} message`, async () => {
    const slow = kind === "late_answer" || kind === "slow_trickle";
    await using bundle = await startZulip();
    const { standIn, zulip } = bundle;
    // The limit must leave time for the message to arrive, and only this send may meet it.
    const sender = slow ? connectZulip(standInConfig(standIn, { requestTimeoutMs: 2000 }), { log }) : zulip;
    await untilServerIsKnown(sender);
    standIn.fault({ kind, delayMs: kind === "slow_trickle" ? 100 : 60_000 });
    const outcome = await sender.send(OWNER, "marker");
    if (slow) sender.close();
    assert.equal(outcome.outcome, expected);
    assert.equal(standIn.messages.length, stored);
    if (kind === "429") assert.deepEqual(outcome, { outcome: "rate_limited", retryAfterMs: 1250 });
    // The next one goes through, and what was stored can be found.
    assert.equal((await zulip.send(OWNER, "next")).outcome, "sent");
    const found = await collect(zulip.ownMessages(OWNER, 0));
    assert.equal(found.filter((message) => message.content === "marker").length, stored);
  });
}

for (const seed of [1, 2, 3]) {
  Deno.test(
    `P5: under random faults (seed ${seed}) sent means stored once, and nothing else but unknown means stored`,
    async () => {
      await using bundle = await startZulip({ rateLimit: null }, { requestTimeoutMs: 500 });
      const { standIn, zulip } = bundle;
      await untilServerIsKnown(zulip);
      standIn.randomFaults({ seed, rate: 0.7, delayMs: 60_000 });
      const send = async (content: string) => [content, await zulip.send(OWNER, content)] as const;
      const outcomes = await Promise.all(Array.from({ length: 120 }, (_, i) => send(`m${i}`)));
      // A slow machine may answer few of so many in time: then it goes on with one after the other.
      const kinds = () => [...new Set(outcomes.map(([, { outcome }]) => outcome))].sort();
      for (let i = outcomes.length; kinds().length < 4 && i < 200; i++) outcomes.push(await send(`m${i}`));
      const stored = new Map<string, string>();
      for (const message of standIn.messages) {
        assert.ok(!stored.has(message.content), `${message.content} arrived twice`);
        stored.set(message.content, String(message.id));
      }
      for (const [content, outcome] of outcomes) {
        if (outcome.outcome === "sent") assert.equal(stored.get(content), outcome.zulipMessageId);
        else if (outcome.outcome !== "unknown") assert.ok(!stored.has(content), `${content}: ${outcome.outcome}`);
      }
      assert.deepEqual(kinds(), ["rate_limited", "sent", "unauthorized", "unknown"]);
    },
  );
}

Deno.test(
  "send() is not sent while the server is stopped and sent after it came back on the same port",
  async () => {
    await using bundle = await startZulip();
    const { standIn, zulip } = bundle;
    assert.equal((await zulip.send(OWNER, "before")).outcome, "sent");
    await standIn.stop();
    const away = await zulip.send(OWNER, "away");
    // A connection from the pool may be met while it dies; a new one is refused for sure.
    assert.ok(["not_sent", "unknown"].includes(away.outcome), away.outcome);
    const refused = await zulip.send(OWNER, "away");
    assert.equal(refused.outcome, "not_sent");
    assert.match(refused.outcome === "not_sent" ? refused.reason : "", /Connection refused/);
    standIn.restart();
    assert.equal((await zulip.send(OWNER, "after")).outcome, "sent");
    assert.deepEqual(standIn.messages.map((message) => message.content), ["before", "after"]);
  },
);

Deno.test("send() is refused with its code for a deactivated recipient, and the reason holds no address", async () => {
  await using bundle = await startZulip();
  const { id } = bundle.standIn.addUser({ email: "gone@inst.example", isActive: false });
  assert.deepEqual(await bundle.zulip.send({ type: "direct", userId: String(id) }, "x"), {
    outcome: "refused",
    status: 400,
    code: "BAD_REQUEST",
    reason: "'<address>' is no longer using Zulip.",
  });
});

Deno.test("send() names the site when something else than Zulip answers there", async () => {
  await using server = startRawServer(() =>
    "HTTP/1.1 404 X\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p/>"
  );
  const zulip = connectZulip(zulipConfig({ site: server.site }), { log });
  const outcome = await zulip.send(OWNER, "x");
  zulip.close();
  assert.equal(outcome.outcome, "unauthorized");
  assert.ok(outcome.outcome === "unauthorized" && outcome.reason.includes(server.site));
});

Deno.test("me() knows the bot's type, owner and role", async () => {
  await using bundle = await startZulip({ bot: { role: 200 } });
  assert.deepEqual(await bundle.zulip.me(), {
    userId: "9",
    fullName: "LMS monitor",
    email: "lmsmon-bot@zulip.example",
    isBot: true,
    botType: 1,
    ownerId: "8",
    role: 200,
  });
});

Deno.test("me() says that the credentials were refused, and never shows the key", async () => {
  await using standIn = await startZulipStandIn();
  const config = standInConfig(standIn);
  standIn.rotateBotKey();
  const zulip = connectZulip(config, { log });
  const error = await zulipErrorOf(zulip.me());
  zulip.close();
  assert.equal(error.reason, "refused");
  assert.match(error.message, /the bot's address or key was refused \(HTTP 401: Invalid API key\)/);
  assert.ok(!JSON.stringify([error.message, error.hint]).includes(config.apiKey?.reveal() ?? "?"));
});

Deno.test("users() gives real addresses only, and null where Zulip hides them from the bot's role", async () => {
  await using bundle = await startZulip();
  const { standIn, zulip } = bundle;
  const byVisibility = ([1, 2, 5, 3, 4] as const).map((emailVisibility) =>
    standIn.addUser({ email: `v${emailVisibility}@inst.example`, emailVisibility })
  );
  const seen = async () => {
    const users = new Map((await zulip.users()).map((user) => [user.userId, user.deliveryEmail]));
    return byVisibility.map((user) => users.get(String(user.id)));
  };
  assert.deepEqual(await seen(), ["v1@inst.example", "v2@inst.example", null, null, null]);
  standIn.bot.role = 300;
  assert.deepEqual(await seen(), ["v1@inst.example", "v2@inst.example", "v5@inst.example", null, null]);
  standIn.bot.role = 200;
  assert.deepEqual(await seen(), ["v1@inst.example", "v2@inst.example", "v5@inst.example", "v3@inst.example", null]);
});

Deno.test("users() lists bots and deactivated people as such", async () => {
  await using bundle = await startZulip();
  bundle.standIn.addUser({ id: 20, email: "gone@inst.example", isActive: false, fullName: "Gone" });
  const users = await bundle.zulip.users();
  assert.equal(users.find((user) => user.userId === "9")?.isBot, true);
  assert.deepEqual(users.find((user) => user.userId === "20"), {
    userId: "20",
    deliveryEmail: "gone@inst.example",
    fullName: "Gone",
    isActive: false,
    isBot: false,
    timezone: null,
  });
});

Deno.test("users() is an error, not a part of the list, when the answer breaks off", async () => {
  await using bundle = await startZulip();
  for (let i = 0; i < 2000; i++) bundle.standIn.addUser({ email: `m${i}@inst.example`, fullName: `முருகன் ${i}` });
  bundle.standIn.fault({ kind: "truncated_json", times: 1, match: { method: "GET", path: "/api/v1/users" } });
  const error = await zulipErrorOf(bundle.zulip.users());
  assert.equal(error.reason, "unreachable");
  const users = await bundle.zulip.users();
  assert.equal(users.filter((user) => user.fullName.startsWith("முருகன் ")).length, 2000);
});

Deno.test("P5: ownMessages() pages through thousands of messages, newest first, each once, back to its time", async () => {
  let nowMs = 1_790_000_000_000;
  await using bundle = await startZulip({ nowMs: () => nowMs, rateLimit: null });
  const { standIn, zulip } = bundle;
  const form = (to: number, content: string) => new URLSearchParams({ type: "direct", to: `[${to}]`, content });
  const other = standIn.addUser({ email: "other@inst.example" });
  for (let i = 0; i < 2500; i++) {
    nowMs += 1000;
    standIn.realm.post(standIn.bot, form(8, `m${i}`), nowMs);
    if (i % 5 === 0) standIn.realm.post(standIn.bot, form(other.id, `o${i}`), nowMs);
    if (i % 7 === 0) standIn.realm.post(standIn.owner, form(9, `reply ${i}`), nowMs);
  }
  const all = await collect(zulip.ownMessages(OWNER, 0));
  assert.deepEqual(all.map((message) => message.content), Array.from({ length: 2500 }, (_, i) => `m${2499 - i}`));
  assert.deepEqual(new Set(all.flatMap((message) => message.to)), new Set(["8"]));
  const recent = await collect(zulip.ownMessages(undefined, nowMs / 1000 - 9));
  assert.equal(
    recent.map((message) => message.content).join(" "),
    "m2499 m2498 m2497 m2496 o2495 m2495 m2494 m2493 m2492 m2491 o2490 m2490",
  );
  const before = standIn.requestCount;
  await collect(zulip.ownMessages(OWNER, nowMs / 1000 - 9));
  assert.equal(standIn.requestCount - before, 1);
});

Deno.test("P5: ownMessages() finds what was just sent when this host's clock was set hours forward", async () => {
  const nowMs = 1_790_000_000_000;
  const hostAheadMs = 5 * 3_600_000;
  await using bundle = await startZulip({ nowMs: () => nowMs, rateLimit: null }, {}, () => hostAheadMs);
  await bundle.zulip.send(OWNER, "told");
  const sinceS = (nowMs + hostAheadMs) / 1000 - 60; // a minute ago, as this host sees it
  const found = await collect(bundle.zulip.ownMessages(OWNER, sinceS));
  assert.deepEqual(found.map((message) => message.content), ["told"]);
});

Deno.test("ownMessages() stops asking as soon as its reader has found what it looked for", async () => {
  await using bundle = await startZulip({ rateLimit: null });
  const { standIn, zulip } = bundle;
  for (let i = 0; i < 300; i++) {
    standIn.realm.post(standIn.bot, new URLSearchParams({ type: "direct", to: "[8]", content: `m${i}` }), 0);
  }
  await zulip.me();
  await zulip.server();
  const before = standIn.requestCount;
  for await (const message of zulip.ownMessages(OWNER, 0)) {
    if (message.content === "m299") break;
  }
  assert.equal(standIn.requestCount - before, 1);
});

Deno.test("ownMessages() ends where Zulip does not say so: pages that are exactly full, an anchor beyond 2^53", async () => {
  await using bundle = await startZulip({ rateLimit: null });
  const { standIn, zulip } = bundle;
  for (let i = 0; i < 1100; i++) {
    standIn.realm.post(standIn.bot, new URLSearchParams({ type: "direct", to: "[8]", content: `m${i}` }), 0);
  }
  // A first page of 100 and one of 1000: neither says that it found the oldest.
  assert.equal((await collect(zulip.ownMessages(OWNER, 0))).length, 1100);
});

Deno.test("ownMessages() of a channel finds what lies under any topic, by name and by id", async () => {
  await using bundle = await startZulip({ rateLimit: null, channels: [{ name: "open", id: 5 }] });
  const { standIn, zulip } = bundle;
  for (const topic of ["a", "b", "c"]) await zulip.send({ type: "channel", channel: "open", topic }, topic);
  standIn.realm.resolveTopic("open", "a");
  standIn.realm.renameTopic("open", "b", "B");
  for (const channel of ["open", 5]) {
    const found = await collect(zulip.ownMessages({ type: "channel", channel }, 0));
    assert.deepEqual(found.map((message) => message.content), ["c", "b", "a"]);
  }
});

Deno.test("channels() says of which channels the bot can read what it sends there", async () => {
  await using bundle = await startZulip({
    channels: [
      { name: "open", id: 3 },
      { name: "Ours", id: 4, isPrivate: true, subscribers: [8, 9] },
      { name: "theirs", id: 5, isPrivate: true, historyPublic: true, subscribers: [8] },
      { name: "strangers", id: 6, isPrivate: true },
      { name: "old", id: 7 },
    ],
  });
  const { standIn, zulip } = bundle;
  const old = standIn.realm.findChannel("old");
  if (old !== undefined) old.isArchived = true;
  const found = await zulip.channels(["Open", "ours", "theirs", "strangers", "old", "nope"], []);
  assert.deepEqual(found, [
    { id: 3, name: "open", isPrivate: false, isSubscribed: false, sharesHistory: true },
    { id: 4, name: "Ours", isPrivate: true, isSubscribed: true, sharesHistory: false },
    { id: 5, name: "theirs", isPrivate: true, isSubscribed: false, sharesHistory: true },
  ]);
  assert.deepEqual((await zulip.channels([], [4])).map(({ name }) => name), ["Ours"]);
});

Deno.test("rateLimit() keeps the last seen headers", async () => {
  await using bundle = await startZulip();
  assert.equal(bundle.zulip.rateLimit(), null);
  await bundle.zulip.send(OWNER, "x");
  assert.equal(bundle.zulip.rateLimit()?.limit, 200);
  assert.equal(bundle.zulip.rateLimit()?.remaining, 199);
  bundle.standIn.setRateLimit(null);
  await bundle.zulip.send(OWNER, "x");
  assert.equal(bundle.zulip.rateLimit()?.remaining, 199);
});

Deno.test("reloadCredentials() takes over a rotated key, and keeps the old one while the file is broken", async () => {
  await using standIn = await startZulipStandIn();
  const dir = Deno.makeTempDirSync({ prefix: "lmsmon-zuliprc-" });
  const configFile = `${dir}/zuliprc`;
  Deno.writeTextFileSync(configFile, standIn.zuliprc());
  const zulip = connectZulip(zulipConfig({ site: null, email: null, apiKey: null, configFile }), { log });
  assert.equal((await zulip.send(OWNER, "1")).outcome, "sent");
  assert.equal(await zulip.reloadCredentials(), false);
  standIn.rotateBotKey();
  assert.equal((await zulip.send(OWNER, "2")).outcome, "unauthorized");
  Deno.writeTextFileSync(configFile, "[api]\nemail=");
  assert.equal(await zulip.reloadCredentials(), false);
  Deno.writeTextFileSync(configFile, standIn.zuliprc());
  assert.equal(await zulip.reloadCredentials(), true);
  assert.equal((await zulip.send(OWNER, "3")).outcome, "sent");
  zulip.close();
  Deno.removeSync(dir, { recursive: true });
  assert.deepEqual(standIn.messages.map((message) => message.content), ["1", "3"]);
});

Deno.test("render() shows what Zulip would make of a text, and sends nothing", async () => {
  await using bundle = await startZulip();
  assert.equal(await bundle.zulip.render("a < b"), "<p>a &lt; b</p>");
  assert.equal(bundle.standIn.messages.length, 0);
});

Deno.test("send() goes through HTTPS_PROXY, past it for NO_PROXY, and nothing is sent when the proxy refuses", async () => {
  const proxied: string[] = [];
  const proxy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of proxy) {
      const chunk = new Uint8Array(1000);
      const length = await connection.read(chunk) ?? 0;
      proxied.push(new TextDecoder().decode(chunk.subarray(0, length)).split("\r\n")[0] ?? "");
      await connection.write(new TextEncoder().encode("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"));
      connection.close();
    }
  })().catch(() => {});
  const environment = {
    HTTP_PROXY: `http://127.0.0.1:${proxy.addr.port}`,
    HTTPS_PROXY: `http://127.0.0.1:${proxy.addr.port}`,
    NO_PROXY: "127.0.0.1",
  };
  try {
    await using standIn = await startZulipStandIn();
    const { site, bot } = standIn;
    const inside = { site, email: bot.email, apiKey: bot.apiKey, userId: "8", texts: ["x"] };
    assert.equal((await sendWithEnvironment(inside, environment))[0]?.outcome, "sent");
    assert.deepEqual(proxied, []);
    const outside = { site: "https://zulip.example.org", userId: "8", texts: ["x"] };
    assert.equal((await sendWithEnvironment(outside, environment))[0]?.outcome, "not_sent");
    assert.deepEqual(proxied, ["CONNECT zulip.example.org:443 HTTP/1.1"]);
  } finally {
    proxy.close();
    await serving;
  }
});

Deno.test(
  "send() reaches a server behind an authority of its own with cert_bundle, and sends nothing without",
  async () => {
    const tls = new URL("./tls/", import.meta.url).pathname; // made with openssl for a hundred years, trusted by nobody else
    const server = Deno.serve({
      port: 0,
      hostname: "127.0.0.1",
      cert: Deno.readTextFileSync(`${tls}server.pem`),
      key: Deno.readTextFileSync(`${tls}server_key.pem`),
      onListen: () => {},
    }, (request) =>
      Response.json(
        request.url.includes("server_settings")
          ? { result: "success", zulip_version: "11.0", zulip_feature_level: 421 }
          : { result: "success", msg: "", id: 5 },
      ));
    const site = `https://localhost:${server.addr.port}`;
    const without = connectZulip(zulipConfig({ site }), { log });
    const refused = await without.send(OWNER, "x");
    without.close();
    assert.equal(refused.outcome, "not_sent");
    assert.match(refused.outcome === "not_sent" ? refused.reason : "", /certificate/);
    const zulip = connectZulip(zulipConfig({ site, certBundle: `${tls}authority.pem` }), { log });
    assert.deepEqual(await zulip.send(OWNER, "x"), { outcome: "sent", zulipMessageId: "5" });
    zulip.close();
    await server.shutdown();
  },
);
