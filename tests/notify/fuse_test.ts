import assert from "node:assert/strict";
import { decideFuse } from "../../lib/notify/fuse.ts";

const FUSE = { messagesPerPoll: 2000, revisionsPerPoll: 500 };

Deno.test("P11: decideFuse() lets a poll pass up to both limits", () => {
  assert.deepEqual(decideFuse({ messages: 2000, revisions: 500 }, FUSE), { delivery: "open", reason: null });
});

Deno.test("P11: decideFuse() holds a poll beyond either limit, and names the numbers and the limits", () => {
  for (const volume of [{ messages: 2001, revisions: 0 }, { messages: 501, revisions: 501 }]) {
    const decision = decideFuse(volume, FUSE);
    assert.equal(decision.delivery, "held");
    for (const n of [volume.messages, volume.revisions, 2000, 500]) {
      assert.match(decision.reason ?? "", RegExp(`\\b${n}\\b`));
    }
  }
});

Deno.test("P11: decideFuse() never holds when the fuse is off", () => {
  assert.equal(decideFuse({ messages: 1e9, revisions: 1e9 }, null).delivery, "open");
});

Deno.test("P11: decideFuse() takes 0 as a limit, not as off", () => {
  const none = { messagesPerPoll: 0, revisionsPerPoll: 0 };
  assert.equal(decideFuse({ messages: 1, revisions: 0 }, none).delivery, "held");
  assert.equal(decideFuse({ messages: 0, revisions: 0 }, none).delivery, "open");
});
