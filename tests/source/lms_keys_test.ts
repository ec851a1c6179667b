import assert from "node:assert/strict";
import { LmsKeys, memoryKeyStore } from "../../lib/source/lms_keys.ts";

/** As if these texts had the same hash. */
const sameId = () => "4611686018427387905";

Deno.test("two texts of one hash are never one row: whose id it is was said first", async () => {
  const store = memoryKeyStore();
  const keys = new LmsKeys(store, ["exam_row"], sameId);
  assert.equal(keys.read("exam_row", "a"), sameId());
  assert.equal(keys.read("exam_row", "b"), undefined, "in the same page");
  assert.ok(keys.hasCollided("exam_row", "b") && !keys.hasCollided("exam_row", "a"));
  assert.equal(await keys.keep(), false);
  assert.equal(keys.read("exam_row", "c"), undefined, "after it was kept");
  assert.deepEqual(await keys.textsOf("exam_row", [sameId()]), new Map([[sameId(), "a"]]));

  const another = new LmsKeys(store, ["exam_row"], sameId); // a process that has not met the first one
  assert.equal(another.read("exam_row", "b"), sameId());
  assert.equal(await another.keep(), true, "what was read is to be read anew");
  assert.equal(another.read("exam_row", "b"), undefined);
  assert.equal(another.read("exam_row", "a"), sameId());
});

Deno.test("a UUID in capitals is the same thing, but a row's key is what it is, since the server makes its id", async () => {
  const uuid = "5d000000-abcd-4000-8000-00000000000a";
  const keys = new LmsKeys(memoryKeyStore(), ["student", "exam_row"]);
  const both = (sort: "student" | "exam_row") => new Set([keys.read(sort, uuid), keys.read(sort, uuid.toUpperCase())]);
  assert.deepEqual([both("student").size, both("exam_row").size], [1, 2]);
  assert.equal(await keys.keep(), false, "none stands for another");
  assert.notEqual(keys.read("student", "ab"), keys.read("student", "AB"));
});
