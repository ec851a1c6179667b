import assert from "node:assert/strict";
import { PgliteGate } from "../../lib/drivers/pglite/pglite_gate.ts";

const PATIENCE_MS = 200;

/** A user of the gate that leaves when it is evicted. */
function userOf(gate: PgliteGate) {
  const user = {
    isEvicted: false,
    evict: () => {
      user.isEvicted = true;
      gate.release(user);
    },
  };
  return user;
}

Deno.test("who keeps the session without using it while another waits is evicted, and nobody because the process stood still", async () => {
  const gate = new PgliteGate(PATIENCE_MS);
  const [busy, waiting] = [userOf(gate), userOf(gate)];
  await gate.acquire(busy);
  const entered = gate.acquire(waiting);
  for (const end = performance.now() + 3 * PATIENCE_MS; performance.now() < end;); // as a machine does that sleeps
  await new Promise((resolve) => setTimeout(resolve, 0)); // whatever was due is done
  assert.equal(busy.isEvicted, false, "what it said meanwhile is not read yet");
  await gate.acquire(busy); // its next message
  // Then it says nothing more. The gate's own timer keeps no process alive.
  while (!busy.isEvicted) await new Promise((resolve) => setTimeout(resolve, 10));
  await entered;
  gate.release(waiting);
  gate.close();
});
