import assert from "node:assert/strict";
import { getLogger } from "@logtape/logtape";
import type { Exchange } from "../../lib/bot/http_exchange.ts";
import { createZulipHttp } from "../../lib/bot/http.ts";
import { sendOutcome } from "../../lib/bot/send_outcome.ts";
import { ok, requestsOn, startRawServer, startTcpServer, writeAll } from "../support/raw_http.ts";
import { freePort } from "../support/free_port.ts";

/** What becomes of one POST to `site`, and what it means for the message. */
async function post(
  site: string,
  timeoutMs = 10_000,
): Promise<{ exchange: Exchange; outcome: string; reason: string }> {
  using http = client(site, timeoutMs);
  const exchange = await http.post("messages", { content: "x" }, undefined);
  const outcome = sendOutcome(exchange, site);
  return { exchange, outcome: outcome.outcome, reason: "reason" in outcome ? outcome.reason : "" };
}

function client(site: string, timeoutMs = 10_000, idleMs?: number) {
  const http = createZulipHttp({
    credentials: {
      site,
      email: "bot@zulip.example",
      key: "k".repeat(32),
      caBundle: null,
      clientCert: null,
    },
    userAgent: "lmsmon/test",
    timeoutMs,
    log: getLogger(["lmsmon", "zulip"]),
    idleMs,
  });
  return { ...http, [Symbol.dispose]: () => http.close() };
}

for (const scheme of ["http", "https"]) {
  Deno.test(`P5: a POST over ${scheme} was not sent when the connection is refused or the name is unknown`, async () => {
    const refused = await post(`${scheme}://127.0.0.1:${freePort()}`);
    assert.equal(refused.outcome, "not_sent");
    assert.match(refused.reason, /^cannot connect: .*Connection refused/);
    // Where nobody answers the system's questions for names, it asks for tens of seconds.
    const unknownName = await post(`${scheme}://nowhere.invalid`, 120_000);
    assert.equal(unknownName.outcome, "not_sent");
    assert.match(unknownName.reason, /^cannot connect: dns error/);
  });
}

// An untrusted certificate: tests/bot/connect_zulip_test.ts.
const NO_HANDSHAKE: readonly [string, (connection: Deno.TcpConn) => Promise<void>][] = [
  ["the server speaks no TLS", async (connection) => {
    await connection.read(new Uint8Array(1000));
    await writeAll(connection, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  }],
  ["the server closes within the handshake", async (connection) => {
    await connection.read(new Uint8Array(1000));
  }],
  ["the server closes at once", () => Promise.resolve()],
];
for (const [name, serve] of NO_HANDSHAKE) {
  Deno.test(`P5: a POST was not sent when ${name}`, async () => {
    await using server = startTcpServer(serve);
    const { outcome, reason } = await post(`https://127.0.0.1:${server.port}`);
    assert.equal(outcome, "not_sent", reason);
    assert.equal(server.connections(), 1);
  });
}

Deno.test("P5: a POST to a port that Deno blocks was not sent", async () => {
  assert.deepEqual((await post("http://127.0.0.1:1")).exchange, {
    kind: "failed",
    sent: "no",
    reason: "cannot connect: Deno blocks this port",
  });
});

/** What a server does after it read a request, and nobody can tell whether it acted on it. */
const IN_DOUBT: readonly [string, (connection: Deno.TcpConn) => Promise<void>][] = [
  ["the connection is closed before an answer", () => Promise.resolve()],
  ["the server closes its side only", async (connection) => {
    await connection.closeWrite();
    await connection.read(new Uint8Array(1));
  }],
  ["the head of the answer is cut", (connection) => writeAll(connection, "HTTP/1.1 200 OK\r\nContent-Le")],
  ["the body is cut", (connection) => writeAll(connection, 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"id":4')],
  [
    "a refusal's body is cut",
    (connection) => writeAll(connection, 'HTTP/1.1 400 No\r\nContent-Length: 99\r\n\r\n{"result":"error"'),
  ],
  [
    "a chunk is cut",
    (connection) => writeAll(connection, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"id":'),
  ],
  [
    "the last chunk is missing",
    (connection) => writeAll(connection, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"id":41}\r\n'),
  ],
  ["the answer is no HTTP", (connection) => writeAll(connection, "hello\r\n\r\n")],
  ["the answer is HTTP/2", (connection) => writeAll(connection, "HTTP/2 200\r\n\r\n")],
  [
    "the answer has two lengths",
    (connection) => writeAll(connection, 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 9\r\n\r\n{"id":41}'),
  ],
  [
    "the answer cannot be unpacked",
    (connection) =>
      writeAll(connection, 'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n{"id":41}'),
  ],
  ["the head of the answer has no end", async (connection) => {
    for (;;) await writeAll(connection, `X-One: ${"a".repeat(100_000)}\r\n`);
  }],
  ["the body has no end", async (connection) => {
    await writeAll(connection, "HTTP/1.1 200 OK\r\n\r\n");
    for (;;) await writeAll(connection, " ".repeat(100_000));
  }],
  ["the body is announced as longer than any answer to a POST", async (connection) => {
    await writeAll(connection, `HTTP/1.1 200 OK\r\nContent-Length: ${2 << 20}\r\n\r\n{"id":41}`);
    for (;;) await writeAll(connection, " ".repeat(100_000));
  }],
  ["the answer unpacks to more than any answer to a POST", async (connection) => {
    const packed = new Response(" ".repeat(2 << 20)).body?.pipeThrough(new CompressionStream("gzip"));
    const bytes = await new Response(packed).bytes();
    await writeAll(
      connection,
      `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${bytes.length}\r\n\r\n`,
    );
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
    await connection.read(new Uint8Array(1));
  }],
];
for (const [name, answer] of IN_DOUBT) {
  Deno.test(`P5: a POST is in doubt, and arrived once, when ${name}`, async () => {
    const requests: string[] = [];
    await using server = startTcpServer(async (connection) => {
      for await (const request of requestsOn(connection)) {
        requests.push(request);
        return await answer(connection);
      }
    });
    const { outcome, reason } = await post(`http://127.0.0.1:${server.port}`);
    assert.equal(outcome, "unknown", reason);
    assert.equal(requests.length, 1);
  });
}

Deno.test("P5: a POST is in doubt when the server resets the connection without reading the whole request", async () => {
  await using server = startTcpServer(async (connection) => {
    await connection.read(new Uint8Array(1)); // closing with something unread in the socket is a reset
  });
  assert.equal((await post(`http://127.0.0.1:${server.port}`)).outcome, "unknown");
});

// fetch does not say whether it was still connecting: it counts as sent, and is looked up.
Deno.test("P5: a POST is in doubt, and over, when the time limit ends a handshake, the wait for an answer, or its body", async () => {
  await using silent = startTcpServer(async (connection) => {
    while (await connection.read(new Uint8Array(1000)) !== null);
  });
  await using slow = startRawServer(() => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
  const timedOut = { kind: "failed", sent: "maybe", reason: "no whole answer within 0.2 s" };
  assert.deepEqual((await post(`https://127.0.0.1:${silent.port}`, 200)).exchange, timedOut);
  assert.deepEqual((await post(`http://127.0.0.1:${silent.port}`, 200)).exchange, timedOut);
  assert.equal((await post(slow.site, 200)).outcome, "unknown");
});

Deno.test("POSTs use a connection again, and open a second one only for a second request at the same time", async () => {
  await using server = startRawServer(() => ok("{}"));
  using http = client(server.site, 10_000, 60_000); // a machine may stand still for more than a second
  const one = () => http.post("messages", { content: "x" }, undefined);
  for (let i = 0; i < 5; i++) assert.equal((await one()).kind, "answered");
  assert.equal(server.connections(), 1);
  for (let i = 0; i < 5; i++) await Promise.all([one(), one()]);
  assert.equal(server.connections(), 2);
});

Deno.test("POSTs use no connection again that the server wants closed", async () => {
  await using server = startRawServer(() => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
  using http = client(server.site);
  for (let i = 0; i < 3; i++) {
    assert.equal((await http.post("messages", { content: "x" }, undefined)).kind, "answered");
  }
  assert.equal(server.connections(), 3);
});

Deno.test("P5: whatever a POST meets of a connection that the server closed without a word, it arrives at most once and is never wrongly not sent", async () => {
  const requests: string[] = [];
  await using server = startTcpServer(async (connection) => {
    for await (const request of requestsOn(connection)) {
      requests.push(request.split("\r\n\r\n")[1] ?? "");
      await writeAll(connection, ok('{"id":1}'));
      return;
    }
  });
  const site = `http://127.0.0.1:${server.port}`;
  using http = client(site);
  for (let i = 0; i < 50; i++) {
    const content = `n${i}`;
    const { outcome } = sendOutcome(await http.post("messages", { content }, undefined), site);
    const arrived = requests.filter((body) => body === `content=${content}`).length;
    assert.ok(
      outcome === "sent" ? arrived === 1 : outcome === "unknown" && arrived <= 1,
      `${outcome}, ${arrived} times`,
    );
  }
});
