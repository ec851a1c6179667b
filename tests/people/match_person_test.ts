import assert from "node:assert/strict";
import type { Person } from "../../lib/model/person.ts";
import { Directory } from "../../lib/people/directory.ts";
import { asShared, matchPerson, type MatchStatus } from "../../lib/people/match_person.ts";
import type { ZulipUser } from "../../lib/bot/zulip_api.ts";
import { account, mentor, student } from "./accounts.ts";

const ACCOUNTS: readonly ZulipUser[] = [
  account("11", "M1@Inst.example"),
  account("12", "m2@inst.example", { isActive: false }),
  account("13", "bot@inst.example", { isBot: true }),
  account("14", "twin@inst.example"),
  account("15", "TWIN@inst.example"),
  account("16", null, { fullName: "Rao, Asha" }),
  account("17", "moved@inst.example", { isActive: false }),
  account("18", "moved@inst.example"),
];
const DIRECTORY = new Directory(ACCOUNTS);
const match = (person: Person, overrides: Record<string, string> = {}) =>
  matchPerson(person, DIRECTORY, {
    overrides: new Map(Object.entries(overrides)),
    placeholderDomains: ["noemail.local"],
  });

const cases: [string, Person, Record<string, string>, MatchStatus, string | null, RegExp | null][] = [
  ["case and blanks differ", mentor("1", { email: "  m1@INST.example " }), {}, "matched", "11", null],
  [
    "an invisible letter",
    mentor("1", { email: "m1\u200b@inst.example" }),
    {},
    "no_email",
    null,
    /invisible.*account 11/,
  ],
  ["fullwidth letters", mentor("1", { email: "ｍ1＠inst.example" }), {}, "no_email", null, /fullwidth.*account 11/],
  ["a soft hyphen", mentor("3", { email: "no\u00adbody@inst.example" }), {}, "no_email", null, /invisible/],
  ["a student without account", student("3"), {}, "no_account", null, /Nothing to do: a student needs no account/],
  ["no address", mentor("3", { email: null }), {}, "no_email", null, /Enter an address/],
  ["a blank address", mentor("3", { email: "  " }), {}, "no_email", null, /Enter an address/],
  [
    "something else in the address",
    mentor("3", { email: "N/A" }),
    {},
    "no_email",
    null,
    /valid address/,
  ],
  ["nobody has the address", mentor("3"), {}, "no_account", null, /Invite/],
  ["two accounts have it", mentor("3", { email: "twin@inst.example" }), {}, "duplicate", null, /14, 15/],
  ["one active, one deactivated account", mentor("3", { email: "moved@inst.example" }), {}, "matched", "18", null],
  ["the account is deactivated", mentor("2"), {}, "deactivated", null, /12 is deactivated/],
  ["the address is a bot's", mentor("3", { email: "bot@inst.example" }), {}, "no_account", null, /./],
  ["the address is a placeholder", mentor("3", { email: "x@noemail.local" }), {}, "placeholder", null, /real address/],
  [
    "a subdomain of a placeholder",
    mentor("3", { email: "x@a.NoEmail.local" }),
    {},
    "placeholder",
    null,
    /real address/,
  ],
  ["a domain that only ends alike", mentor("3", { email: "x@xnoemail.local" }), {}, "no_account", null, /./],
  ["a hidden account has the name", mentor("3", { name: "asha  RAO" }), {}, "hidden", null, /16 has this name/],
  ["a dummy address in the LMS", mentor("3", { email: "user16@zulip.example" }), {}, "no_account", null, /./],
  ["override by username to an id", mentor("3"), { m3: "11" }, "override", "11", null],
  ["override by address to an address", mentor("3"), { "m3@inst.example": "m1@inst.example" }, "override", "11", null],
  ["override to a hidden account's id", mentor("3"), { m3: "16" }, "override", "16", null],
  ["override before the own address", mentor("1"), { m1: "18" }, "override", "18", null],
  ["override although a placeholder", mentor("3", { email: "x@noemail.local" }), { m3: "11" }, "override", "11", null],
  ["override to an unknown id", mentor("1"), { m1: "99" }, "unknown_override", null, /99, which does not exist/],
  ["override to an unknown address", mentor("1"), { m1: "who@inst.example" }, "unknown_override", null, /no visible/],
  ["override to a bot", mentor("1"), { m1: "13" }, "unknown_override", null, /bot/],
  ["override to a deactivated account", mentor("1"), { m1: "12" }, "deactivated", null, /12/],
  ["override in other letters", mentor("3", { username: "M3" }), { m3: "11" }, "override", "11", null],
];
for (const [name, person, overrides, status, zulipUserId, remedy] of cases) {
  Deno.test(`matchPerson() says ${status} when ${name}`, () => {
    const found = match(person, overrides);
    assert.deepEqual([found.status, found.zulipUserId], [status, zulipUserId]);
    if (remedy === null) assert.equal(found.remedy, null);
    else assert.match(found.remedy ?? "", remedy);
  });
}

Deno.test("matchPerson() says how many accounts hide their address when nobody has the one it looks for", () => {
  assert.match(match(mentor("3")).remedy ?? "", /1 account hides its address/);
  const open = matchPerson(mentor("3"), new Directory([]), { overrides: new Map(), placeholderDomains: [] });
  assert.doesNotMatch(open.remedy ?? "", /hide/);
});

Deno.test("matchPerson() never names a person or an address in a remedy", () => {
  const secret = mentor("3", { name: "Secret Name", username: "secretuser", email: "secret@inst.example" });
  for (const overrides of [{}, { secretuser: "secret.zulip@inst.example" }, { secretuser: "99" }]) {
    assert.doesNotMatch(match(secret, overrides).remedy ?? "", /secret/i);
  }
});

Deno.test("matchPerson() does not take namesakes for the same person when names are empty", () => {
  const directory = new Directory([account("1", null, { fullName: "…" })]);
  const found = matchPerson(mentor("3", { name: "?!", username: null }), directory, {
    overrides: new Map(),
    placeholderDomains: [],
  });
  assert.equal(found.status, "no_account");
});

Deno.test("asShared() keeps the account and says who shares it", () => {
  const shared = asShared({ status: "matched", zulipUserId: "11", remedy: null }, "mentor", ["3", "8"], 4);
  assert.deepEqual([shared.status, shared.zulipUserId], ["duplicate", "11"]);
  assert.match(shared.remedy ?? "", /Mentors 3, 8 and 2 more .* Zulip account 11/);
});
