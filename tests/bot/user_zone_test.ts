import assert from "node:assert/strict";
import { userOf } from "../../lib/bot/wire.ts";

Deno.test("userOf() takes the zone of a person's profile, and none that this system does not know", () => {
  const zoneOf = (timezone: unknown) => userOf({ user_id: 10, email: "a@inst.example", timezone })?.timezone;
  assert.equal(zoneOf("America/New_York"), "America/New_York");
  assert.equal(zoneOf("Asia/Calcutta"), "Asia/Calcutta");
  for (const none of ["", "Mars/Olympus", "x".repeat(1000), null, undefined, 5]) assert.equal(zoneOf(none), null);
});
