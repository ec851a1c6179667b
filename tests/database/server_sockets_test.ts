import assert from "node:assert/strict";
import { parseDatabaseUrl } from "../../lib/database/database_url.ts";
import { openSocket } from "../../lib/database/open_socket.ts";
import { chooseHost, shuffled, suits } from "../../lib/database/choose_host.ts";
import { ServerSockets } from "../../lib/database/server_sockets.ts";
import { RefusedSocket } from "../../lib/drivers/postgres/refused_socket.ts";

Deno.test("openSocket() ends at once when nobody waits any more, and refuses what follows an answer unencrypted", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const { target } = parseDatabaseUrl(`postgres://u@127.0.0.1:${port}/d?sslmode=require`, { part: "state" });
  const [place] = target?.hosts ?? [];
  assert.ok(target !== null && place !== undefined);
  const closed = new AbortController();
  const wish = { tls: target.tls, keyPassword: null, timeoutMs: 60_000, signal: closed.signal };

  const stuffed = openSocket(place, wish);
  const first = await listener.accept();
  await first.read(new Uint8Array(8));
  await first.write(new TextEncoder().encode("S and what somebody put in between"));
  await assert.rejects(stuffed, { code: "CONNECTION_CLOSED" });
  first.close();

  const waiting = openSocket(place, wish);
  const second = await listener.accept();
  await second.read(new Uint8Array(8));
  closed.abort();
  await assert.rejects(waiting, { code: "CONNECTION_ENDED" });
  assert.equal(await second.read(new Uint8Array(1)), null);
  second.close();
  listener.close();
});

Deno.test("ServerSockets keeps no connection that is ready just as nobody waits for it any more", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const { target } = parseDatabaseUrl(`postgres://u@127.0.0.1:${port}/d?sslmode=disable`, { part: "state" });
  assert.ok(target !== null);
  let ended: Promise<void> | undefined;
  let isAsked = false;
  const place = {
    ...{ host: "127.0.0.1", port },
    get hostaddr() { // once to connect there, and once when the connection is ready
      if (isAsked) ended = sockets.close();
      isAsked = true;
      return null;
    },
  };
  const login = { user: "u", password: null, keyPassword: null, connectTimeoutMs: 60_000 };
  const sockets = new ServerSockets({ ...target, hosts: [place] }, login);
  const { socket } = sockets.options() as unknown as { readonly socket: () => Promise<unknown> };
  assert.ok(await socket() instanceof RefusedSocket);
  assert.ok(ended);
  await ended;
  using there = await listener.accept();
  assert.equal(await there.read(new Uint8Array(1)), null);
});

Deno.test("suits() reads target_session_attrs as libpq does", () => {
  const primary = { isStandby: false, isReadOnly: false };
  const frozen = { isStandby: false, isReadOnly: true };
  const standby = { isStandby: true, isReadOnly: true };
  const told = (attrs: Parameters<typeof suits>[0]) => [primary, frozen, standby].map((role) => suits(attrs, role));
  assert.deepEqual(told("any"), [true, true, true]);
  assert.deepEqual(told("read-write"), [true, false, false]);
  assert.deepEqual(told("read-only"), [false, true, true]);
  assert.deepEqual(told("primary"), [true, true, false]);
  assert.deepEqual(told("standby"), [false, false, true]);
});

Deno.test("chooseHost() takes a standby before any other, and the first other when there is none", async () => {
  const roles: Record<string, boolean> = { a: false, b: true, c: false };
  const ask = (host: string) => Promise.resolve({ isStandby: roles[host] === true, isReadOnly: roles[host] === true });
  assert.equal(await chooseHost(["a", "b", "c"], "prefer-standby", ask, String), "b");
  assert.equal(await chooseHost(["c", "a"], "prefer-standby", ask, String), "c");
  assert.deepEqual(shuffled(["a", "b", "c"], () => 0.5), ["a", "b", "c"]);
});
