import assert from "node:assert/strict";
import { getLogger } from "@logtape/logtape";
import { connectZulip } from "../../lib/zulip/connect_zulip.ts";
import { ok, startRawServer } from "../support/raw_http.ts";
import { overBoth, zulipConfig } from "../support/zulip.ts";

const log = getLogger(["lmsmon", "zulip"]);
const TO_9 = { type: "direct", userId: "9" } as const;
const posts = (requests: readonly string[]) => requests.filter((request) => request.startsWith("POST"));

overBoth(
  "P5: send() lets exactly one request arrive when the server reads it and closes the connection",
  async (direct) => {
    await using server = startRawServer(() => "close");
    const zulip = connectZulip(zulipConfig({ direct, site: server.site }), { log });
    const outcome = await zulip.send(TO_9, "once");
    zulip.close();
    assert.equal(outcome.outcome, "unknown");
    assert.equal(posts(server.requests).length, 1);
  },
);

overBoth(
  "P5: send() lets exactly one request arrive when a connection that was used before closes after reading it",
  async (direct) => {
    // Deno's fetch with a plain body sends the second POST twice here (tried on 2.9.6: the connection came from its pool).
    await using server = startRawServer((_, earlier) =>
      earlier === 0 ? ok('{"result":"success","msg":"","id":41}') : "close"
    );
    const zulip = connectZulip(zulipConfig({ direct, site: server.site }), { log });
    assert.deepEqual(await zulip.send(TO_9, "first"), { outcome: "sent", zulipMessageId: "41" });
    const second = await zulip.send(TO_9, "second");
    zulip.close();
    assert.equal(second.outcome, "unknown");
    assert.equal(posts(server.requests).filter((request) => request.includes("content=second")).length, 1);
  },
);

overBoth("send() writes a form with its length, Basic auth and its own name", async (direct) => {
  await using server = startRawServer(() => ok('{"result":"success","msg":"","id":1}'));
  const zulip = connectZulip(zulipConfig({ direct, site: server.site, email: "bot@inst.example" }), { log });
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

overBoth(
  "P5: send() is unknown and over at the time limit when the answer's body trickles for ever",
  async (direct) => {
    await using server = startRawServer(() => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
    const zulip = connectZulip(zulipConfig({ direct, site: server.site, requestTimeoutMs: 200 }), { log });
    const outcome = await zulip.send(TO_9, "slow");
    zulip.close();
    assert.equal(outcome.outcome, "unknown");
  },
);

overBoth("P5: send() is unknown when no answer comes within the time limit", async (direct) => {
  await using server = startRawServer(() => null);
  const zulip = connectZulip(zulipConfig({ direct, site: server.site, requestTimeoutMs: 200 }), { log });
  const outcome = await zulip.send(TO_9, "silence");
  zulip.close();
  assert.deepEqual(outcome, { outcome: "unknown", reason: "no whole answer within 0.2 s" });
});

overBoth(
  "P5: send() is unknown when it is stopped while the answer is awaited, and not sent when stopped before",
  async (direct) => {
    const stop = new AbortController();
    await using server = startRawServer(() => {
      stop.abort();
      return null;
    });
    const zulip = connectZulip(zulipConfig({ direct, site: server.site }), { log });
    assert.equal((await zulip.send(TO_9, "stopped", stop.signal)).outcome, "unknown");
    assert.equal((await zulip.send(TO_9, "never", stop.signal)).outcome, "not_sent");
    zulip.close();
    assert.equal(posts(server.requests).length, 1);
  },
);

overBoth("P5: send() is unknown when the answer is no HTTP at all", async (direct) => {
  await using server = startRawServer(() => ({ then: "close", bytes: "hello\r\n\r\n" }));
  const zulip = connectZulip(zulipConfig({ direct, site: server.site }), { log });
  assert.equal((await zulip.send(TO_9, "x")).outcome, "unknown");
  zulip.close();
});

overBoth("send() follows no redirect: it is nobody's refusal but a wrong site", async (direct) => {
  await using server = startRawServer(() =>
    "HTTP/1.1 301 Moved\r\nLocation: https://other.example/\r\nContent-Length: 0\r\n\r\n"
  );
  const zulip = connectZulip(zulipConfig({ direct, site: server.site }), { log });
  const outcome = await zulip.send(TO_9, "x");
  zulip.close();
  assert.deepEqual(outcome, {
    outcome: "unauthorized",
    reason: `${server.site} redirects elsewhere (HTTP 301): check zulip.site`,
  });
  assert.equal(server.requests.length, 2);
});
