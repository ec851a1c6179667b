import assert from "node:assert/strict";
import { surelyNoProxy } from "../../lib/config/proxies.ts";
import { DirectPost } from "../../lib/zulip/direct_post.ts";
import { ok, startRawServer } from "../support/raw_http.ts";

const OPTIONS = { headers: {}, timeoutMs: 5000, idleMs: 1000, maxAnswer: 1000 };
const NO_TLS = { caBundle: null, clientCert: null };

/** Counts connections on the way to a server. */
function counting(target: number) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  let connections = 0;
  const serving = (async () => {
    for await (const near of listener) {
      connections++;
      const far = await Deno.connect({ hostname: "127.0.0.1", port: target });
      open.add(near).add(far);
      const pass = (from: Deno.Conn, to: Deno.Conn) =>
        from.readable.pipeTo(to.writable).catch(() => {}).finally(() => open.delete(from));
      void pass(near, far);
      void pass(far, near);
    }
  })().catch(() => {});
  return {
    site: `http://127.0.0.1:${listener.addr.port}`,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      for (const conn of open) {
        try {
          conn.close();
        } catch {
          // closed by the other side
        }
      }
      await serving;
    },
  };
}

Deno.test("DirectPost uses a connection again, and opens a second one only for a second request at the same time", async () => {
  await using server = startRawServer(() => ok("{}"));
  await using counter = counting(server.port);
  const direct = new DirectPost({ ...OPTIONS, credentials: { site: counter.site, ...NO_TLS } });
  for (let i = 0; i < 5; i++) assert.equal((await direct.post("x", "a=1")).kind, "answered");
  assert.equal(counter.connections(), 1);
  await Promise.all([1, 2].map(() => direct.post("x", "a=1")));
  await Promise.all([1, 2].map(() => direct.post("x", "a=1")));
  assert.equal(counter.connections(), 2);
  direct.close();
});

Deno.test("DirectPost uses no connection that was idle for too long", async () => {
  await using server = startRawServer(() => ok("{}"));
  await using counter = counting(server.port);
  const direct = new DirectPost({ ...OPTIONS, idleMs: 0, credentials: { site: counter.site, ...NO_TLS } });
  for (let i = 0; i < 3; i++) await direct.post("x", "a=1");
  assert.equal(counter.connections(), 3);
  direct.close();
});

Deno.test("P5: DirectPost asks over a new connection when the server closed the idle one: nothing is in doubt", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const requests: string[] = [];
  const serving = (async () => {
    for await (const conn of listener) {
      const chunk = new Uint8Array(1000);
      const count = await conn.read(chunk) ?? 0;
      requests.push(new TextDecoder().decode(chunk.subarray(0, count)));
      await conn.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"));
      conn.close(); // without having said so
    }
  })().catch(() => {});
  const site = `http://127.0.0.1:${listener.addr.port}`;
  const direct = new DirectPost({ ...OPTIONS, credentials: { site, ...NO_TLS } });
  assert.equal((await direct.post("x", "n=1")).kind, "answered");
  while (direct.idle > 0) await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal((await direct.post("x", "n=2")).kind, "answered");
  assert.deepEqual(requests.map((request) => request.slice(-3)), ["n=1", "n=2"]);
  direct.close();
  listener.close();
  await serving;
});

Deno.test("DirectPost sends nothing, and says so, while it cannot connect: refused, unknown, stopped, no handshake in time", async () => {
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const conn of silent) accepted.push(conn);
  })().catch(() => {});
  const tls = `https://127.0.0.1:${silent.addr.port}`;
  const stop = new AbortController();
  const post = async (site: string, timeoutMs: number, signal?: AbortSignal) => {
    const direct = new DirectPost({ ...OPTIONS, timeoutMs, credentials: { site, ...NO_TLS } });
    const exchange = await direct.post("x", "a=1", signal);
    direct.close();
    return exchange;
  };
  const slow = await post(tls, 100);
  assert.deepEqual(slow, { kind: "failed", sent: "no", reason: "cannot connect within 0.1 s" });
  const stopping = post(tls, 5000, stop.signal);
  stop.abort();
  assert.deepEqual(await stopping, { kind: "failed", sent: "no", reason: "stopped while connecting" });
  for (const site of ["http://127.0.0.1:1", "http://nowhere.invalid"]) {
    const exchange = await post(site, 5000);
    assert.equal(exchange.kind === "failed" && exchange.sent, "no", JSON.stringify(exchange));
  }
  silent.close();
  for (const conn of accepted) conn.close();
  await accepting;
});

Deno.test("surelyNoProxy() is false as soon as any variable that fetch heeds is set, in either spelling", () => {
  const names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].flatMap((name) => [name, name.toLowerCase()]);
  const before = names.map((name) => [name, Deno.env.get(name)] as const);
  try {
    for (const name of names) Deno.env.delete(name);
    assert.equal(surelyNoProxy(), true);
    for (const name of names) {
      Deno.env.set(name, "http://127.0.0.1:3128");
      assert.equal(surelyNoProxy(), false, name);
      Deno.env.delete(name);
    }
  } finally {
    for (const [name, value] of before) value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  }
});
