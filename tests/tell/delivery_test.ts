import assert from "node:assert/strict";
import { CHUNK_MESSAGES, recipientsToClaim } from "../../lib/tell/delivery.ts";

Deno.test("recipientsToClaim() claims as many as filled a chunk, and twice as many when nothing did, up to a message for each", () => {
  assert.equal(recipientsToClaim(64, 5, true), 5);
  assert.equal(recipientsToClaim(64, 0, true), 1, "never nobody");
  assert.equal(recipientsToClaim(5, 5, false), 10);
  assert.equal(recipientsToClaim(64, 3, false), CHUNK_MESSAGES);
});
