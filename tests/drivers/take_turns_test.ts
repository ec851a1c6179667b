import assert from "node:assert/strict";
import { takeTurns } from "../../lib/drivers/deno/take_turns.ts";

/** As long as the pieces of real loops are, or the bytes would hardly have arrived by the next turn. */
function work(): void {
  const end = performance.now() + 1;
  while (performance.now() < end);
}

Deno.test("takeTurns() lets sockets be read between the turns of a loop that never rests", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using near = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using far = await listener.accept();
  const byte = new Uint8Array(1);
  let stop = false;
  let answers = 0;
  const echo = (async () => {
    while (await far.read(new Uint8Array(1)) !== null) await far.write(byte);
  })();
  const asking = (async () => {
    while (!stop) {
      await near.write(byte);
      await near.read(new Uint8Array(1));
      answers++;
    }
  })();
  const turns = 1000;
  for (let i = 0; i < turns; i++) {
    work();
    await takeTurns();
  }
  stop = true;
  await asking;
  near.closeWrite();
  await echo;
  // Four steps an answer. Between turns that do not make the runtime look at its sockets there were 60 turns to a step.
  assert.ok(answers > turns / 20, `${answers} answers in ${turns} turns`);
});
