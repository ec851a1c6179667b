import assert from "node:assert/strict";
import { startZulip } from "../support/zulip.ts";

Deno.test("send() puts a direct message into the mentor's conversation", async () => {
  await using bundle = await startZulip();
  const { standIn, zulip } = bundle;
  const mentor = standIn.addUser({ email: "mentor@inst.example" });
  const outcome = await zulip.send({ type: "direct", userId: String(mentor.id) }, "Hello **you** & +1 %20\n\nä 🎓");
  assert.equal(outcome.outcome, "sent");
  const [message] = standIn.dmsTo(mentor.id);
  assert.equal(message?.content, "Hello **you** & +1 %20\n\nä 🎓");
  assert.deepEqual(outcome, { outcome: "sent", zulipMessageId: String(message?.id) });
});
