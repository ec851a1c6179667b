import assert from "node:assert/strict";
import { realAddress } from "../../lib/bot/wire.ts";

const cases: [string, Parameters<typeof realAddress>[0], string | null][] = [
  [
    "the real address where it is shown",
    { user_id: 9, email: "user9@z.example", delivery_email: "m@inst.example" },
    "m@inst.example",
  ],
  ["null where it is hidden", { user_id: 9, email: "user9@z.example", delivery_email: null }, null],
  ["null where it is hidden, even if the API address looks real", {
    user_id: 9,
    email: "m@inst.example",
    delivery_email: null,
  }, null],
  [
    "the API address of a server before 7.0 that hides nothing",
    { user_id: 9, email: "m@inst.example" },
    "m@inst.example",
  ],
  ["null for a stand-in of a server before 7.0", { user_id: 9, email: "User9@z.example" }, null],
  [
    "null for the user's own stand-in",
    { user_id: 9, email: "user9@z.example", delivery_email: "user9@z.example" },
    null,
  ],
  [
    "a real address that only looks like a stand-in",
    { user_id: 9, email: "x", delivery_email: "user17@inst.example" },
    "user17@inst.example",
  ],
  ["null for an empty address", { user_id: 9, email: "", delivery_email: " " }, null],
];
for (const [name, user, expected] of cases) {
  Deno.test(`realAddress() is ${name}`, () => assert.equal(realAddress(user), expected));
}
