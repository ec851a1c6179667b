import assert from "node:assert/strict";
import { renamed, withheld } from "../../lib/mcp/withhold.ts";

const called = (role: string, id: string) => `${role[0]}-${id.length}`;

Deno.test("withheld() leaves nobody in a reason: ids become pseudonyms, text that others wrote goes", () => {
  const cases: readonly [string, readonly string[], string][] = [
    [
      "mentor:31 has no Zulip account that lmsmon can see; it is waited for at 2026-11-20 10:00:00",
      [],
      "mentor:m-2 has no Zulip account that lmsmon can see; it is waited for at 2026-11-20 10:00:00",
    ],
    [
      "mentor:3 was not the student's mentor: mentor 31, 415 was",
      [],
      "mentor:m-1 was not the student's mentor: mentor m-2, m-3 was",
    ],
    [
      "it is paused (student 7) since 10:00: Asha is ill",
      ["Asha is ill"],
      "it is paused (student s-1) since 10:00: (text withheld)",
    ],
    ["mentor -31 was, and student:-7", [], "mentor m-3 was, and student:s-2"],
    ["`lmsmon retry --mentor 31`: Zulip user 12 is asked", [], "`lmsmon retry --mentor m-2`: Zulip user is asked"],
    ["at last with Invalid address a.b@inst.example", [""], "at last with Invalid address (address withheld)"],
    ["no ids of students here, 4 of them", [], "no ids of students here, 4 of them"],
  ];
  for (const [text, free, wanted] of cases) assert.equal(withheld(text, free, called), wanted);
});

Deno.test("renamed() calls people as the answer does, and leaves the rest of a reason", () => {
  const keys = (_: string, id: string) => id === "4700000000000000001" ? "c0ffee-7" : id;
  assert.equal(
    renamed("mentor:4700000000000000001 was not the student's mentor: mentor 3, user 12 was", keys),
    "mentor:c0ffee-7 was not the student's mentor: mentor 3, user 12 was",
  );
});
