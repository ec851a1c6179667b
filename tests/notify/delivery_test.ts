import assert from "node:assert/strict";
import { CHUNK_MESSAGES, recipientsToClaim } from "../../lib/notify/delivery.ts";

Deno.test("recipientsToClaim() claims as many as found room, and twice as many when all did, up to a message for each", () => {
  assert.equal(recipientsToClaim(64, 5, 59), 5);
  assert.equal(recipientsToClaim(64, 0, 64), 1, "never nobody");
  assert.equal(recipientsToClaim(5, 5, 0), 10);
  assert.equal(recipientsToClaim(64, 3, 0), CHUNK_MESSAGES, "few were due: says nothing");
});
