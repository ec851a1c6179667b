import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import postgres from "postgres";
import { isStrayRejection } from "../../lib/drivers/postgres/stray_rejection.ts";

/** A server that lets everybody in and closes the connection at the first question. */
async function closingServer() {
  const message = (type: string, ...bytes: number[]) =>
    Buffer.from([type.charCodeAt(0), 0, 0, 0, 4 + bytes.length, ...bytes]);
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write(Buffer.concat([message("R", 0, 0, 0, 0), message("Z", 0x49)]));
      socket.once("data", () => socket.resetAndDestroy());
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise<void>((done) => server.close(() => done())),
  };
}

Deno.test("isStrayRejection() knows the driver's question that nobody awaits when a new connection is lost", async () => {
  await using server = await closingServer();
  const stray = Promise.withResolvers<unknown>();
  const listener = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    stray.resolve(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", listener);
  const sql = postgres({
    host: "127.0.0.1",
    port: server.port,
    user: "u",
    pass: "",
    max: 1,
    fetch_types: true,
    backoff: () => 0.01,
  });
  try {
    await assert.rejects(sql`select 1`);
    assert.ok(isStrayRejection(await stray.promise));
    assert.ok(!isStrayRejection(new Error("read ECONNRESET")));
    assert.ok(!isStrayRejection(undefined));
  } finally {
    globalThis.removeEventListener("unhandledrejection", listener);
    await sql.end({ timeout: 0 });
  }
});
