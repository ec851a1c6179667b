import assert from "node:assert/strict";
import { Circuit } from "../../lib/notify/circuit.ts";

Deno.test("Circuit opens once, is probed at once, then ever more seldom up to a minute", () => {
  const circuit = new Circuit();
  assert.equal(circuit.trip("unreachable", "refused", 0), true);
  assert.equal(circuit.trip("unreachable", "refused", 0), false, "sends in flight fail together");
  assert.equal(circuit.probeDue(0), true);
  let now = 0;
  const pauses: number[] = [];
  for (let i = 0; i < 8; i++) {
    circuit.probeFailed("unreachable", "refused", now);
    pauses.push(circuit.probeInMs(now) / 1000);
    now += circuit.probeInMs(now);
  }
  assert.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
  assert.equal(circuit.probeWorked(), true);
  assert.deepEqual([circuit.state, circuit.reason], ["closed", null]);
});

Deno.test("Circuit needs a send to close after sends failed, and backs off while probes work and sends do not", () => {
  const circuit = new Circuit();
  circuit.worked();
  assert.equal(circuit.proven, true);
  assert.equal(circuit.trip("failing", "HTTP 500", 0), true);
  assert.equal(circuit.proven, false, "from now on a failure is not one message's own");
  assert.equal(circuit.probeWorked(), false);
  assert.equal(circuit.state, "half_open");
  assert.equal(circuit.trip("failing", "HTTP 500", 0), false, "no second line in the log");
  assert.equal(circuit.probeInMs(0), 1000);
  assert.equal(circuit.probeWorked(), false);
  circuit.trip("failing", "HTTP 500", 1000);
  assert.equal(circuit.probeInMs(1000), 2000);
  circuit.probeWorked();
  assert.equal(circuit.worked(), true);
  assert.equal(circuit.state, "closed");
});
