import assert from "node:assert/strict";
import { createConnection, type Socket } from "node:net";
import { type Clock, systemClock } from "../../lib/base/clock.ts";
import { PgliteEngine } from "../../lib/drivers/pglite/pglite_engine.ts";
import { query } from "../../lib/drivers/pglite/pglite_messages.ts";
import { prepareDirectory, type StateDirectory, stateDirectory } from "../../lib/state/owner_directory.ts";
import { OwnerServer } from "../../lib/state/owner_server.ts";
import { embeddedImage } from "../support/state/embedded_state.ts";

/** What a client says first: protocol 3.0, and no word of who it is. */
const START = Uint8Array.of(0, 0, 0, 9, 0, 3, 0, 0, 0);
const READY = "Z\0\0\0\x05I";
const TLS_REQUEST = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47);

async function withOwner(
  work: (directory: StateDirectory, listen: (clock?: Clock) => Promise<OwnerServer>) => Promise<void>,
): Promise<void> {
  const parent = await Deno.makeTempDir({ prefix: "lmsmon-test-" });
  try {
    const directory = stateDirectory(`${parent}/state`);
    await prepareDirectory(directory);
    const engine = await PgliteEngine.open(null, await embeddedImage("empty"));
    await work(directory, (clock = systemClock) => OwnerServer.listen(directory, engine, clock, null));
    await engine.close();
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

/** As who waits for an owner does: again and again, until somebody listens there. */
async function connectAtOnce({ socket: path }: StateDirectory): Promise<Socket> {
  for (;;) {
    const socket = createConnection(path);
    const isThere = Promise.withResolvers<boolean>();
    socket.once("connect", () => isThere.resolve(true)).once("error", () => isThere.resolve(false));
    if (await isThere.promise) return socket;
  }
}

/** Asks, and reads until that has come; less when the connection ends. */
async function answerTo(client: Socket, question: Uint8Array, end: string): Promise<string> {
  let answer = "";
  const answered = Promise.withResolvers<void>();
  const read = (bytes: Uint8Array) => {
    answer += new TextDecoder("latin1").decode(bytes);
    if (answer.endsWith(end)) answered.resolve();
  };
  client.on("data", read).once("close", answered.resolve);
  client.write(question);
  await answered.promise;
  client.off("data", read);
  return answer;
}

Deno.test("who connects the moment that an owner listens is served: clients of a former one know where", () =>
  withOwner(async (directory, listen) => {
    for (let n = 0; n < 50; n++) {
      const listening = listen();
      const client = await connectAtOnce(directory);
      await using _server = await listening;
      assert.equal(await answerTo(client, TLS_REQUEST, "N"), "N");
      client.destroy();
    }
  }));

Deno.test("an owner that ends and stood still for a moment takes no client for one at rest whose question it has not read", () =>
  withOwner(async (directory, listen) => {
    const answered = Promise.withResolvers<void>();
    // Between two looks of the owner comes what is there to be read, however long the machine takes for it.
    const server = await listen({ ...systemClock, sleep: () => answered.promise.then(() => systemClock.sleep(1)) });
    const client = await connectAtOnce(directory);
    client.on("error", () => {});
    await answerTo(client, START, READY);
    for (const end = performance.now() + 500; performance.now() < end;); // it stands still
    const asked = answerTo(client, query("select 'asked'"), READY);
    const ended = server[Symbol.asyncDispose]();
    assert.match(await asked, /asked/);
    answered.resolve();
    await ended;
  }));
