import assert from "node:assert/strict";
import { jsonId } from "../../lib/model/lms_ids.ts";

Deno.test("jsonId() is a number only where that reads back as the same id, so that a key of text stays one", () => {
  const ids = ["7", "-7", "0", "9007199254740991", "9007199254740993", "007", "1e3", "0x10", " 5", "", "-0", "5.0"];
  assert.deepEqual(ids.map(jsonId), [7, -7, 0, 9007199254740991, ...ids.slice(4)]);
});
