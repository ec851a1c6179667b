import assert from "node:assert/strict";
import { Health, serveHealth } from "../../lib/app/health_server.ts";
import { HTTP_LIMITS, type HttpLimits, serveBounded } from "../../lib/drivers/deno/bounded_http.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { logger, setUpLogging, tearDownLogging } from "../../lib/base/log.ts";
import { createMetrics } from "../../lib/base/metrics.ts";

const options = { hostname: "127.0.0.1", port: 0, clock: systemClock, log: logger("listen") };
const alive = () => Promise.resolve({ status: 200, contentType: "text/plain", body: "alive\n" });
const encoder = new TextEncoder();

/** A client that has sent `said`; `closed` resolves with what it read until the server closed the connection. */
async function client(port: number, said: string) {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  if (said !== "") await connection.write(encoder.encode(said)).catch(() => {}); // it may be closed already
  const closed = (async () => {
    try {
      return await new Response(connection.readable).text();
    } catch {
      return ""; // a reset is an end too
    }
  })();
  return { connection, closed };
}

const get = async (port: number, path = "/livez") => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return [response.status, await response.text()];
};

Deno.test("serveBounded() answers paths, one request a connection, and anything else than HTTP not at all", async () => {
  await using server = serveBounded(
    options,
    (path) => Promise.resolve({ status: 200, contentType: "text/plain", body: path }),
  );
  assert.deepEqual(await get(server.port, "/a?b#c"), [200, "/a"]);
  const twice = await client(server.port, "GET /x HTTP/1.1\r\nhost: x\r\n\r\nGET /y HTTP/1.1\r\nhost: x\r\n\r\n");
  const read = await twice.closed;
  assert.match(read, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(read, /connection: close/i);
  assert.ok(read.endsWith("/x"), read);
  assert.equal(await (await client(server.port, "\u0016\u0003\u0001 no HTTP\r\n\r\n")).closed, "");
  assert.deepEqual(await get(server.port, "/a"), [200, "/a"]);
});

Deno.test("a thousand half-open connections to listen: 64 are held for the header's time, the others closed at once, and /livez answers", async () => {
  assert.deepEqual(HTTP_LIMITS, { connections: 64, headerMs: 5_000, totalMs: 30_000 });
  const logged: string[] = [];
  setUpLogging({ level: "info", format: "json", write: (line) => logged.push(line) });
  try {
    const limits: HttpLimits = { ...HTTP_LIMITS, headerMs: 1_500 };
    const health = new Health(systemClock, 1_000);
    await using server = serveHealth(
      { host: "127.0.0.1", port: 0, clock: systemClock, limits },
      health,
      createMetrics("0", "testpress"),
    );
    let ended = 0;
    const clients = [];
    for (let i = 0; i < 1_000; i++) {
      const { closed } = await client(server.port, i % 2 === 0 ? "" : "GET /livez HTTP/1.1\r\nhost");
      clients.push(closed.then(() => ended++));
    }
    await Promise.all(clients);
    assert.equal(ended, 1_000);
    assert.deepEqual(await get(server.port), [200, "alive\n"]);
    assert.equal((await get(server.port, "/readyz"))[0], 503);
    const refused = logged.filter((line) => line.includes("Refused a connection to listen"));
    assert.equal(refused.length, 1, "once a minute at most");
    assert.equal(JSON.parse(refused[0] ?? "").limit, 64);
  } finally {
    tearDownLogging();
  }
});

Deno.test("serveBounded() ends a header that comes byte by byte, and an answer that nobody reads", async () => {
  const limits = { connections: 4, headerMs: 300, totalMs: 600 };
  await using server = serveBounded(
    { ...options, limits },
    (path) =>
      path === "/large"
        ? Promise.resolve({ status: 200, contentType: "text/plain", body: "x".repeat(50_000_000) })
        : alive(),
  );
  const slow = await client(server.port, "G");
  const dripping = (async () => {
    try {
      for (;;) await slow.connection.write(encoder.encode("E"));
    } catch {
      return "cut";
    }
  })();
  assert.equal(await slow.closed, "");
  assert.equal(await dripping, "cut");
  // Four whose answers are far larger than what the network holds, and who read nothing: their places come free again.
  const deaf = [];
  for (let i = 0; i < 4; i++) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await connection.write(encoder.encode("GET /large HTTP/1.1\r\nhost: x\r\n\r\n"));
    deaf.push(connection);
  }
  for (let answered = false; !answered;) {
    answered = await get(server.port).then(([status]) => status === 200, () => false);
  }
  for (const connection of deaf) connection.close();
});

Deno.test("shutdown() of serveBounded() does not wait for clients that say nothing", async () => {
  const server = serveBounded(options, alive);
  const silent = await client(server.port, "");
  const half = await client(server.port, "GET / HTTP/1.1\r\n");
  assert.deepEqual(await get(server.port), [200, "alive\n"]);
  await server.shutdown();
  assert.deepEqual([await silent.closed, await half.closed], ["", ""]);
});

Deno.test({
  name:
    "an accept that fails for want of file descriptors does not end the process, and listen answers when there are some again",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const script = new URL("../support/bounded_http_process.ts", import.meta.url).pathname;
    const child = new Deno.Command("sh", {
      args: ["-c", 'ulimit -n 40 && exec "$0" run --quiet -A "$1"', Deno.execPath(), script],
      stdout: "piped",
      stderr: "piped",
      stdin: "null",
    }).spawn();
    const [said, logged] = [lines(child.stdout), lines(child.stderr)];
    try {
      const port = Number((await said.next()).value);
      const clients = [];
      for (let i = 0; i < 100; i++) clients.push(await Deno.connect({ hostname: "127.0.0.1", port }));
      assert.match((await logged.next()).value ?? "", /Cannot accept a connection to listen.*os error 24/);
      for (const connection of clients) connection.close();
      assert.deepEqual(await get(port), [200, "alive\n"]);
    } catch (error) {
      // Whether it lived, and what it said, is what one has to know then.
      child.kill("SIGTERM");
      const said = await Array.fromAsync(logged);
      throw new Error(`It ended with ${JSON.stringify(await child.status)} and said: ${said.join("\n")}`, {
        cause: error,
      });
    } finally {
      await killed(child);
      for (const rest of [said, logged]) await rest.return(undefined);
    }
  },
});

async function killed(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGKILL");
  } catch {
    // ended already
  }
  await child.status;
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let text = "";
  for await (const chunk of stream) {
    text += new TextDecoder().decode(chunk);
    for (let end; (end = text.indexOf("\n")) >= 0; text = text.slice(end + 1)) yield text.slice(0, end);
  }
}
