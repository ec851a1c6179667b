import assert from "node:assert/strict";
import fc from "fast-check";
import { ItemReader } from "../../lib/bot/item_reader.ts";

/** Everything that `bytes`, arriving in pieces of `size`, gives. */
function read(bytes: Uint8Array, size: number): { items: unknown[]; rest: string } {
  const reader = new ItemReader("members");
  const items: unknown[] = [];
  for (let at = 0; at < bytes.length; at += size) items.push(...reader.push(bytes.subarray(at, at + size)));
  return { items, rest: reader.rest };
}

const text = fc.string({ unit: "binary" });
/** As the members of a list: objects with whatever in them, also lists and keys called "members". */
const item = fc.dictionary(fc.oneof(text, fc.constant("members")), fc.jsonValue());

Deno.test("push() gives the objects of the list, whatever is in them, in whatever pieces they arrive", () => {
  fc.assert(fc.property(
    fc.dictionary(text, fc.jsonValue()),
    fc.array(item),
    fc.integer({ min: 1, max: 300 }),
    fc.boolean(),
    (head, members, size, pretty) => {
      delete head["members"];
      const answer = { ...head, members, tail: ["members", "]", "{"], msg: "members" };
      const bytes = new TextEncoder().encode(JSON.stringify(answer, null, pretty ? 2 : 0));
      const { items, rest } = read(bytes, size);
      const whole = JSON.parse(new TextDecoder().decode(bytes));
      assert.deepEqual(items, whole.members);
      assert.deepEqual(JSON.parse(rest), { ...whole, members: [] });
    },
  ));
});

Deno.test("rest is no JSON while anything is missing", () => {
  const bytes = new TextEncoder().encode(JSON.stringify({ msg: "", members: [{ a: 1 }, { b: "}]" }], found: true }));
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => JSON.parse(read(bytes.subarray(0, length), 7).rest), SyntaxError);
  }
  assert.deepEqual(JSON.parse(read(bytes, 7).rest), { msg: "", members: [], found: true });
});

Deno.test("rest is the whole answer when it has no such list", () => {
  for (const answer of ["", "<html>[{</html>", '{"result":"error","msg":"[{"}', '{"other":[{"members":[{}]}]}']) {
    assert.deepEqual(read(new TextEncoder().encode(answer), 3), { items: [], rest: answer });
  }
});

Deno.test("push() throws for an item that is no JSON", () => {
  assert.throws(() => read(new TextEncoder().encode('{"members":[{"a":}]}'), 100), SyntaxError);
});
