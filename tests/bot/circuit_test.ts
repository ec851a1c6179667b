import assert from "node:assert/strict";
import { Circuit } from "../../lib/bot/circuit.ts";

Deno.test("Circuit opens once, is probed at once, then ever more seldom up to a minute", () => {
  const circuit = new Circuit();
  assert.equal(circuit.trip({ kind: "unreachable", reason: "refused" }, 0), true);
  assert.equal(circuit.trip({ kind: "unreachable", reason: "refused" }, 0), false, "sends in flight fail together");
  assert.equal(circuit.probeDue(0), true);
  let now = 0;
  const pauses: number[] = [];
  for (let i = 0; i < 8; i++) {
    circuit.probeFailed({ kind: "unreachable", reason: "refused" }, now);
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
  assert.equal(circuit.trip({ kind: "failing", reason: "HTTP 500" }, 0), true);
  assert.equal(circuit.proven, false, "from now on a failure is not one message's own");
  assert.equal(circuit.probeWorked(), false);
  assert.equal(circuit.state, "half_open");
  assert.equal(circuit.trip({ kind: "failing", reason: "HTTP 500" }, 0), false, "no second line in the log");
  assert.equal(circuit.probeInMs(0), 1000);
  assert.equal(circuit.probeWorked(), false);
  circuit.trip({ kind: "failing", reason: "HTTP 500" }, 1000);
  assert.equal(circuit.probeInMs(1000), 2000);
  circuit.probeWorked();
  assert.equal(circuit.worked(), true);
  assert.equal(circuit.state, "closed");
});

Deno.test("Circuit counts failures by kind: a long outage does not make wrong credentials wait longer, nor is a second kind probed at once", () => {
  const circuit = new Circuit();
  for (let i = 0; i < 8; i++) circuit.probeFailed({ kind: "unreachable", reason: "refused" }, 0);
  assert.equal(circuit.probeInMs(0), 60_000);
  const pauses = [1, 2, 3].map(() => {
    circuit.probeFailed({ kind: "unauthorized", reason: "HTTP 401" }, 0);
    return circuit.probeInMs(0);
  });
  assert.deepEqual(pauses, [5000, 5000, 10_000]);
});

Deno.test("Circuit waits for as long as Zulip asks, from the first time on", () => {
  const circuit = new Circuit();
  assert.equal(circuit.trip({ kind: "rate_limited", reason: "free again in 29 s", atLeastMs: 28_700 }, 0), true);
  assert.deepEqual([circuit.probeInMs(0), circuit.probeDue(28_699), circuit.probeDue(28_700)], [28_700, false, true]);
  assert.equal(circuit.probeWorked(), true, "nothing else was wrong");
});

Deno.test("Circuit stays open while sends are refused the key and reading is not, and closes with a send", () => {
  const circuit = new Circuit();
  const refused = { kind: "unauthorized", reason: "HTTP 401" } as const;
  assert.equal(circuit.trip(refused, 0), true);
  assert.equal(circuit.probeWorked(), false, "only a send shows that it works");
  assert.equal(circuit.trip(refused, 10), false, "no news");
  assert.deepEqual([circuit.state, circuit.probeDue(20), circuit.probeInMs(10)], ["open", false, 5000]);
  circuit.probeWorked();
  assert.equal(circuit.worked(), true);
  assert.deepEqual([circuit.state, circuit.openedAt], ["closed", null]);
});
