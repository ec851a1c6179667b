import assert from "node:assert/strict";
import { getLogger } from "@logtape/logtape";
import { connectZulip } from "../../lib/bot/connect_zulip.ts";
import {
  ok,
  type RawAnswer,
  requestsOn,
  SERVER_SETTINGS,
  startRawServer,
  startTcpServer,
  writeAll,
} from "../support/raw_http.ts";
import { sendWithEnvironment } from "../support/send_process.ts";
import { zulipConfig } from "../support/zulip.ts";
import { untilServerIsKnown } from "./known_server.ts";

const log = getLogger(["lmsmon", "zulip"]);
const TO_9 = { type: "direct", userId: "9" } as const;
const SENT = ok('{"result":"success","msg":"","id":41}');
/** For how long a connection stays in use where a test rests on that: a machine may stand still for more than a second. */
const LONG_MS = 60_000;
const posts = (requests: readonly string[]) => requests.filter((request) => request.startsWith("POST"));

// How a server can end a connection after it read a request whose answer it owes.
const ENDS: readonly [string, RawAnswer][] = [
  ["closes the connection", "close"],
  ["closes its side of the connection only", "half-close"],
  ["closes within the head of its answer", { then: "close", bytes: "HTTP/1.1 200 OK\r\nContent-Le" }],
  ["closes within the body of its answer", { then: "close", bytes: SENT.slice(0, -5) }],
  ["answers what is no HTTP", { then: "close", bytes: "hello\r\n\r\n" }],
];
for (const [what, end] of ENDS) {
  Deno.test(`P5: send() lets exactly one request arrive when the server reads it and ${what}`, async () => {
    await using server = startRawServer(() => end);
    const zulip = connectZulip(zulipConfig({ site: server.site }), { log });
    const outcome = await zulip.send(TO_9, "once");
    zulip.close();
    assert.equal(outcome.outcome, "unknown");
    assert.equal(posts(server.requests).length, 1);
  });

  Deno.test(`P5: send() lets exactly one request arrive over a connection used before, when the server ${what}`, async () => {
    // Deno's fetch with a plain body sends the second POST twice here (tried on 2.9.6: the connection came from its pool).
    await using server = startRawServer((_, earlier) => earlier === 0 ? SENT : end);
    const zulip = connectZulip(zulipConfig({ site: server.site }), { log, idleMs: LONG_MS });
    assert.deepEqual(await zulip.send(TO_9, "first"), { outcome: "sent", zulipMessageId: "41" });
    const second = await zulip.send(TO_9, "second");
    zulip.close();
    assert.equal(server.connections(), 1, "the connection was used again, or this shows nothing");
    assert.equal(second.outcome, "unknown");
    assert.equal(posts(server.requests).filter((request) => request.includes("content=second")).length, 1);
  });
}

Deno.test("P5: send() over TLS through a proxy lets exactly one request arrive when a used connection closes after it was read", async () => {
  const tls = new URL("./tls/", import.meta.url).pathname; // made with openssl for a hundred years, trusted by nobody else
  const requests: string[] = [];
  let connections = 0;
  const zulipServer = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: Deno.readTextFileSync(`${tls}server.pem`),
    key: Deno.readTextFileSync(`${tls}server_key.pem`),
  });
  const serving = (async () => {
    for await (const connection of zulipServer) {
      connections++;
      for await (const request of requestsOn(connection)) {
        requests.push(request);
        if (posts(requests).length > 1) break;
        await writeAll(connection, request.startsWith("GET") ? SERVER_SETTINGS : SENT);
      }
      connection.close();
    }
  })().catch(() => {});
  await using proxy = startTcpServer(async (near) => {
    await near.read(new Uint8Array(1000)); // CONNECT localhost:… HTTP/1.1
    await writeAll(near, "HTTP/1.1 200 Connected\r\n\r\n");
    const far = await Deno.connect({ hostname: "127.0.0.1", port: zulipServer.addr.port });
    await Promise.allSettled([near.readable.pipeTo(far.writable), far.readable.pipeTo(near.writable)]);
  });
  try {
    const outcomes = await sendWithEnvironment({
      site: `https://localhost:${zulipServer.addr.port}`,
      certBundle: `${tls}authority.pem`,
      userId: TO_9.userId,
      texts: ["first", "second"],
    }, { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` });
    assert.deepEqual(outcomes.map((each) => each.outcome), ["sent", "unknown"]);
    assert.deepEqual([connections, proxy.connections()], [1, 1], "it was used again, or this shows nothing");
    assert.deepEqual(posts(requests).map((request) => /content=(\w+)/.exec(request)?.[1]), ["first", "second"]);
  } finally {
    zulipServer.close();
    await serving;
  }
});

Deno.test("send() writes a form with its length, Basic auth and its own name", async () => {
  await using server = startRawServer(() => ok('{"result":"success","msg":"","id":1}'));
  const zulip = connectZulip(zulipConfig({ site: server.site, email: "bot@inst.example" }), { log });
  await zulip.send(TO_9, "a&b=c +ü\n🎓");
  zulip.close();
  const [post = ""] = posts(server.requests);
  const [head = "", body = ""] = post.split("\r\n\r\n");
  assert.match(head, /^POST \/api\/v1\/messages HTTP\/1\.1\r\n/);
  assert.match(head, /\r\ncontent-type: application\/x-www-form-urlencoded\r\n/i);
  assert.match(head, new RegExp(`\r\ncontent-length: ${body.length}(\r\n|$)`, "i"));
  assert.doesNotMatch(head, /transfer-encoding/i);
  assert.match(head, /\r\nuser-agent: lmsmon\/\d+\.\d+\.\d+(\r\n|$)/i);
  assert.ok(
    head.toLowerCase().includes(`authorization: basic ${btoa(`bot@inst.example:${"k".repeat(32)}`)}`.toLowerCase()),
  );
  assert.deepEqual(Object.fromEntries(new URLSearchParams(body)), {
    type: "direct",
    read_by_sender: "true",
    to: "[9]",
    content: "a&b=c +ü\n🎓",
  });
});

Deno.test(
  "P5: send() is unknown and over at the time limit when the answer's body trickles for ever",
  async () => {
    await using server = startRawServer(() => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
    const zulip = connectZulip(zulipConfig({ site: server.site, requestTimeoutMs: 200 }), { log });
    await untilServerIsKnown(zulip);
    const outcome = await zulip.send(TO_9, "slow");
    zulip.close();
    assert.equal(outcome.outcome, "unknown");
  },
);

Deno.test("P5: send() is unknown when no answer comes within the time limit", async () => {
  await using server = startRawServer(() => null);
  const zulip = connectZulip(zulipConfig({ site: server.site, requestTimeoutMs: 200 }), { log });
  await untilServerIsKnown(zulip);
  const outcome = await zulip.send(TO_9, "silence");
  zulip.close();
  assert.deepEqual(outcome, { outcome: "unknown", reason: "no whole answer within 0.2 s" });
});

Deno.test(
  "P5: send() is unknown when it is stopped while the answer is awaited, and not sent when stopped before",
  async () => {
    const stop = new AbortController();
    await using server = startRawServer(() => {
      stop.abort();
      return null;
    });
    const zulip = connectZulip(zulipConfig({ site: server.site }), { log });
    assert.equal((await zulip.send(TO_9, "stopped", stop.signal)).outcome, "unknown");
    assert.equal((await zulip.send(TO_9, "never", stop.signal)).outcome, "not_sent");
    zulip.close();
    assert.equal(posts(server.requests).length, 1);
  },
);

Deno.test("send() follows no redirect: it is nobody's refusal but a wrong site", async () => {
  await using server = startRawServer(() =>
    "HTTP/1.1 301 Moved\r\nLocation: https://other.example/\r\nContent-Length: 0\r\n\r\n"
  );
  const zulip = connectZulip(zulipConfig({ site: server.site }), { log });
  const outcome = await zulip.send(TO_9, "x");
  zulip.close();
  assert.deepEqual(outcome, {
    outcome: "unauthorized",
    reason: `${server.site} redirects elsewhere (HTTP 301): check zulip.site`,
  });
  assert.equal(server.requests.length, 2);
});
