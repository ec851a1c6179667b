import assert from "node:assert/strict";
import { getLogger } from "@logtape/logtape";
import { createZulipHttp } from "../../lib/bot/http.ts";
import { ItemReader } from "../../lib/bot/item_reader.ts";

const MB = 1 << 20;

/** A server whose every answer is `megabytes` of blanks within JSON, packed; what it was sent as key comes back beside it. */
function bomb(megabytes: number) {
  const asked: (string | null)[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    asked.push(request.headers.get("authorization"));
    const blanks = new Uint8Array(MB).fill(0x20);
    let left = megabytes;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller) => left-- > 0 ? controller.enqueue(blanks) : controller.close(),
    });
    const packed = body.pipeThrough(new CompressionStream("gzip"));
    return new Response(packed, { headers: { "content-encoding": "gzip", "content-type": "application/json" } });
  });
  const http = createZulipHttp({
    credentials: {
      site: `http://127.0.0.1:${server.addr.port}`,
      email: "bot@zulip.example",
      key: "k".repeat(32),
      caBundle: null,
      clientCert: null,
    },
    userAgent: "lmsmon/test",
    timeoutMs: 30_000,
    log: getLogger(["lmsmon", "zulip"]),
  });
  return {
    http,
    asked,
    [Symbol.asyncDispose]: async () => {
      http.close();
      await server.shutdown();
    },
  };
}

Deno.test("a small answer of Zulip that unpacks to more than 1 MB is not read, and takes no memory", async () => {
  await using server = bomb(300);
  for (const path of ["server_settings", "users/me", "users/7"]) {
    const before = Deno.memoryUsage();
    const exchange = await server.http.get(path, {}, undefined);
    assert(exchange.kind === "answered" && exchange.text === null, path);
    const { external, heapUsed } = Deno.memoryUsage();
    assert(external + heapUsed - before.external - before.heapUsed < 60 * MB, path);
  }
  const posted = await server.http.post("messages", { content: "x" }, undefined);
  assert(posted.kind === "answered" && posted.text === null);
});

Deno.test("one item of a list of Zulip may have 256 KB, and what is beside the list no more", () => {
  const pushAll = (text: string) => {
    const reader = new ItemReader("members");
    const bytes = new TextEncoder().encode(text);
    const items: unknown[] = [];
    for (let at = 0; at < bytes.length; at += 60_000) items.push(...reader.push(bytes.subarray(at, at + 60_000)));
    return items;
  };
  const item = (length: number) => `{"n":"${"x".repeat(length)}"}`;
  assert.equal(pushAll(`{"members":[${item(200_000)},${item(200_000)},${item(5)}]}`).length, 3);
  assert.throws(() => pushAll(`{"members":[${item(300_000)}]}`), RangeError);
  assert.throws(() => pushAll(`{"members":[${item(10)}],"x":"${" ".repeat(400_000)}"}`), RangeError);
  assert.throws(() => pushAll(`{"members":[{"a":${"[".repeat(400_000)}`), RangeError);
});

Deno.test("server_settings is asked without the key, everything else with it", async () => {
  await using server = bomb(0);
  await server.http.get("server_settings", {}, undefined);
  await server.http.get("users/me", {}, undefined);
  assert.equal(server.asked[0], null);
  assert.match(server.asked[1] ?? "", /^Basic /);
});
