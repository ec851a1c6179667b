import assert from "node:assert/strict";
import type { Role } from "../../lib/model/person.ts";
import { ZulipError } from "../../lib/base/errors.ts";
import { createUserResolver } from "../../lib/people/resolve_users.ts";
import type { KnownLink, MatchedPerson, UserLinkStore } from "../../lib/people/user_links.ts";
import type { ZulipUser } from "../../lib/bot/zulip_api.ts";
import { account, mentor } from "./accounts.ts";

/** A resolver over links in memory and a Zulip whose accounts and availability the test decides. */
function setup(overrides: Record<string, string> = {}) {
  const stored = new Map<string, KnownLink & { readonly at: number }>();
  const zulip = { users: [account("11", "m1@inst.example")] as ZulipUser[], away: false, calls: 0 };
  const clock = { ms: 0 };
  const links: Pick<UserLinkStore, "read" | "write"> = {
    read: (role: Role, ids, cacheMs) =>
      Promise.resolve(
        new Map(ids.flatMap((id) => {
          const link = stored.get(`${role} ${id}`);
          return link === undefined ? [] : [[id, { ...link, fresh: clock.ms - link.at < cacheMs }]];
        })),
      ),
    write: (role: Role, found: readonly MatchedPerson[]) => {
      for (const { person, match } of found) {
        const { zulipUserId, status } = match;
        stored.set(`${role} ${person.id}`, { zulipUserId, status, emailSeen: person.email, fresh: true, at: clock.ms });
      }
      return Promise.resolve();
    },
  };
  const make = (chosen = overrides) =>
    createUserResolver({
      links: links as UserLinkStore,
      zulip: {
        users: () => {
          zulip.calls++;
          if (zulip.away) return Promise.reject(new ZulipError("unreachable", "Cannot reach Zulip"));
          return Promise.resolve(zulip.users);
        },
      },
      clock: { monotonicMs: () => clock.ms },
      users: { overrides: new Map(Object.entries(chosen)), placeholderDomains: [], cacheMs: 1000 },
    });
  return { zulip, clock, make, resolver: make() };
}
type Setup = ReturnType<typeof setup>;
const idOf = async (resolver: Setup["resolver"], person = mentor("1")) =>
  (await resolver.resolve("mentor", [person])).get(person.id)?.zulipUserId;

Deno.test("resolve() asks Zulip once for many, and not again within the cache", async () => {
  const { resolver, zulip } = setup();
  const matches = await resolver.resolve("mentor", [mentor("1"), mentor("2")]);
  assert.deepEqual([...matches].map(([id, match]) => [id, match.status, match.zulipUserId]), [
    ["1", "matched", "11"],
    ["2", "no_account", null],
  ]);
  await resolver.resolve("mentor", [mentor("1"), mentor("2"), mentor("3")]);
  assert.equal(zulip.calls, 1);
});

Deno.test("resolve() reads Zulip's accounts once for those who ask at the same time", async () => {
  const { resolver, zulip } = setup();
  const found = await Promise.all([idOf(resolver), idOf(resolver), idOf(resolver, mentor("2"))]);
  assert.deepEqual([found, zulip.calls], [["11", "11", null], 1]);
});

Deno.test("resolve() of a new process uses the accounts that were found, without asking Zulip", async () => {
  const { resolver, make, zulip } = setup();
  await idOf(resolver);
  assert.equal(await idOf(make()), "11");
  assert.equal(zulip.calls, 1);
});

Deno.test("resolve() of a new process looks again for who had no account", async () => {
  const { resolver, make, zulip } = setup();
  assert.equal(await idOf(resolver, mentor("2")), null);
  zulip.users.push(account("12", "m2@inst.example"));
  assert.equal(await idOf(make(), mentor("2")), "12");
});

Deno.test("resolve() looks again for everybody when the cache has expired", async () => {
  const { resolver, clock, zulip } = setup();
  await resolver.resolve("mentor", [mentor("1"), mentor("2")]);
  zulip.users = [account("21", "m1@inst.example"), account("22", "m2@inst.example")];
  clock.ms = 1000;
  assert.equal(await idOf(resolver), "21");
  assert.equal(await idOf(resolver, mentor("2")), "22");
});

Deno.test("resolve() looks again when the LMS has another address for the person", async () => {
  const { resolver, zulip } = setup();
  zulip.users.push(account("12", "new@inst.example"));
  await idOf(resolver);
  assert.equal(await idOf(resolver, mentor("1", { email: "NEW@inst.example" })), "12");
});

Deno.test("resolve() takes overrides at once, and forgets those that are gone", async () => {
  const { resolver, make, zulip } = setup();
  zulip.users.push(account("12", "other@inst.example"));
  assert.equal(await idOf(resolver), "11");
  assert.equal(await idOf(make({ m1: "12" })), "12");
  assert.equal(await idOf(make()), "11");
});

Deno.test("P4: resolve() uses older answers while Zulip is away, and says so when there is none", async () => {
  const { resolver, zulip, clock } = setup();
  await idOf(resolver);
  zulip.away = true;
  clock.ms = 5000;
  assert.equal(await idOf(resolver), "11");
  await assert.rejects(resolver.resolve("mentor", [mentor("1"), mentor("2")]), ZulipError);
});

Deno.test("forget() makes resolve() look everybody up again", async () => {
  const { resolver, zulip } = setup();
  await idOf(resolver);
  zulip.users = [account("11", "m1@inst.example", { isActive: false })];
  assert.equal(await idOf(resolver), "11");
  resolver.forget();
  assert.equal(await idOf(resolver), null);
  assert.equal(zulip.calls, 2);
});
