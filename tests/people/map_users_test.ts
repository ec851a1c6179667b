import assert from "node:assert/strict";
import type { Person, Role } from "../../lib/model/person.ts";
import { Directory } from "../../lib/people/directory.ts";
import { matchedPages, summaryLine, type Survey, surveyRole, unusedOverrides } from "../../lib/people/map_users.ts";
import { account, mentor, student } from "./accounts.ts";

/** An LMS in pages of two. */
function survey(people: readonly Person[], overrides: Record<string, string> = {}): Survey {
  return {
    lms: {
      async *allPeople(role: Role) {
        const all = people.filter((person) => person.role === role);
        for (let i = 0; i < all.length; i += 2) yield await Promise.resolve(all.slice(i, i + 2));
      },
    },
    directory: new Directory([
      ...["1", "2", "3"].map((id) => account(`1${id}`, `m${id}@inst.example`)),
      account("16", null, { fullName: "Mentor 6" }),
    ]),
    settings: { overrides: new Map(Object.entries(overrides)), placeholderDomains: ["noemail.local"] },
  };
}

async function statuses(of: Survey, role: Role = "mentor") {
  const found: [string, string, string | null][] = [];
  for await (const page of matchedPages(of, await surveyRole(of, role))) {
    found.push(
      ...page.map(({ person, match }) => [person.id, match.status, match.zulipUserId] as typeof found[number]),
    );
  }
  return found;
}

Deno.test("summaryLine() says how many have an account, and counts each problem", async () => {
  const people = [
    ...["1", "2", "3", "4", "5", "6"].map((id) => mentor(id)),
    mentor("7", { email: "x@noemail.local" }),
    mentor("8", { email: null }),
  ];
  assert.equal(
    summaryLine(await surveyRole(survey(people), "mentor")),
    "3 of 8 mentors have a Zulip account; 2 no account, 1 hidden, 1 placeholder, 1 no email",
  );
  assert.equal(
    summaryLine(await surveyRole(survey([student("1", { email: "m1@inst.example" })]), "student")),
    "1 of 1 student has a Zulip account",
  );
  assert.equal(summaryLine(await surveyRole(survey([]), "mentor")), "0 of 0 mentors have a Zulip account");
});

Deno.test("people of one role who share an address are duplicates, wherever they stand", async () => {
  const people = [mentor("1"), mentor("2"), mentor("3"), mentor("9", { email: "M1@inst.example " })];
  const of = survey(people);
  assert.deepEqual(await statuses(of), [
    ["1", "duplicate", "11"],
    ["2", "matched", "12"],
    ["3", "matched", "13"],
    ["9", "duplicate", "11"],
  ]);
  assert.equal(summaryLine(await surveyRole(of, "mentor")), "2 of 4 mentors have a Zulip account; 2 duplicate");
});

Deno.test("one person who is student and mentor is no duplicate", async () => {
  const of = survey([mentor("1"), student("1", { email: "m1@inst.example" })]);
  assert.deepEqual(await statuses(of), [["1", "matched", "11"]]);
  assert.deepEqual(await statuses(of, "student"), [["1", "matched", "11"]]);
});

Deno.test("an override settles a shared address", async () => {
  const of = survey([mentor("1"), mentor("9", { email: "m1@inst.example" })], { m9: "12" });
  assert.deepEqual(await statuses(of), [["1", "matched", "11"], ["9", "override", "12"]]);
});

Deno.test("unusedOverrides() names the keys that fit nobody", async () => {
  const of = survey([mentor("1"), student("1")], { m1: "12", "s1@inst.example": "13", typo: "11" });
  const surveys = [await surveyRole(of, "mentor"), await surveyRole(of, "student")];
  assert.deepEqual(unusedOverrides(of.settings, surveys), ["typo"]);
});
