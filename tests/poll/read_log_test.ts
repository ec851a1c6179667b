import assert from "node:assert/strict";
import { NOTHING_READ } from "../../lib/poll/record/log_positions.ts";
import { startOf } from "../../lib/poll/read_log.ts";

const known = { cursor: "900", readTo: "1000", overtaken: 2 };
const from = (lowest: string, highest: string, at = known) => startOf(at, { lowest, highest });

Deno.test("a log is read on from where it was left, also when its old lines are purged", () => {
  assert.deepEqual(from("1", "1000"), known);
  assert.deepEqual(from("950", "2000"), known);
  assert.deepEqual(from("1001", "2000"), known); // all of it was read, and purged
  assert.deepEqual(startOf(NOTHING_READ, { lowest: "500", highest: "600" }), NOTHING_READ);
});

Deno.test("a purge that overtook the reading is counted", () => {
  assert.deepEqual(from("1002", "2000"), { ...known, overtaken: 3 });
});

Deno.test("a log whose ids begin anew is read from its beginning", () => {
  assert.deepEqual(from("1", "999"), { cursor: null, readTo: null, overtaken: 2 });
});
