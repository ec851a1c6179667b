import assert from "node:assert/strict";
import { withheld } from "../../lib/mcp/withhold.ts";

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
    ["`lmsmon retry --mentor 31`: Zulip user 12 is asked", [], "`lmsmon retry --mentor m-2`: Zulip user is asked"],
    ["at last with Invalid address a.b@inst.example", [""], "at last with Invalid address (address withheld)"],
    ["no ids of students here, 4 of them", [], "no ids of students here, 4 of them"],
  ];
  for (const [text, free, wanted] of cases) assert.equal(withheld(text, free, called), wanted);
});
