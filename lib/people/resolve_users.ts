import type { Config } from "../config/config.ts";
import type { LmsId } from "../model/event.ts";
import type { Person, Role } from "../model/person.ts";
import type { Clock } from "../base/clock.ts";
import { ZulipError } from "../base/errors.ts";
import type { ZulipApi } from "../bot/zulip_api.ts";
import { addressKey, Directory } from "./directory.ts";
import { type Match, matchPerson, overrideOf } from "./match_person.ts";
import type { KnownLink, UserLinkStore } from "./user_links.ts";

/** Finds the Zulip accounts of LMS people, with as few questions to Zulip as possible. */
export interface UserResolver {
  /**
   * One match for each person. Accounts found earlier hold for `users.cache`; who had none is looked for again whenever
   * the list of accounts is read anew, which is once per `users.cache` too, and at each start. Throws ZulipError when Zulip
   * is needed and away, unless an older answer is known for everybody.
   */
  resolve(role: Role, people: readonly Person[], signal?: AbortSignal): Promise<Map<LmsId, Match>>;
  /** The next resolve() reads Zulip's accounts anew, and looks everybody up again (a recipient turned out deactivated). */
  forget(): void;
}

export interface UserResolverDeps {
  readonly links: UserLinkStore;
  readonly zulip: Pick<ZulipApi, "users">;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly users: Config["users"];
}

export function createUserResolver({ links, zulip, clock, users }: UserResolverDeps): UserResolver {
  let directory: { readonly value: Directory; readonly readAtMs: number } | null = null;
  let reading: Promise<Directory> | null = null;
  let trustLinks = true;

  async function currentDirectory(signal?: AbortSignal): Promise<Directory> {
    if (directory !== null && clock.monotonicMs() - directory.readAtMs < users.cacheMs) return directory.value;
    directory = null; // not two of them at a time, nor read twice for two who ask: they grow with Zulip's accounts
    return await (reading ??= readDirectory(signal).finally(() => reading = null));
  }

  async function readDirectory(signal?: AbortSignal): Promise<Directory> {
    directory = { value: new Directory(await zulip.users(signal)), readAtMs: clock.monotonicMs() };
    trustLinks = true;
    return directory.value;
  }

  return {
    async resolve(role, people, signal) {
      const known = await links.read(role, people.map((person) => person.id), trustLinks ? users.cacheMs : 0);
      const matches = new Map<LmsId, Match>();
      const open: Person[] = [];
      for (const person of people) {
        const link = known.get(person.id);
        if (link?.fresh && holds(link, person, users)) matches.set(person.id, fromLink(link));
        else open.push(person);
      }
      if (open.length === 0) return matches;
      let accounts: Directory;
      try {
        accounts = await currentDirectory(signal);
      } catch (error) {
        const old = open.map((person) => ({ person, link: known.get(person.id) }));
        if (!(error instanceof ZulipError)) throw error;
        for (const { person, link } of old) {
          if (link === undefined || !holds(link, person, users)) throw error;
          matches.set(person.id, fromLink(link));
        }
        return matches;
      }
      const found = open.map((person) => ({ person, match: matchPerson(person, accounts, users) }));
      await links.write(role, found);
      for (const { person, match } of found) matches.set(person.id, match);
      return matches;
    },
    forget() {
      directory = null;
      trustLinks = false;
    },
  };
}

/** An account that was found stays valid while the person's address and the overrides say the same. */
function holds(link: KnownLink, person: Person, users: Config["users"]): boolean {
  const chosen = overrideOf(person, users.overrides) !== null;
  return link.zulipUserId !== null && !chosen && link.status !== "override" &&
    addressKey(link.emailSeen ?? "") === addressKey(person.email ?? "");
}

const fromLink = ({ zulipUserId, timezone }: KnownLink): Match => (
  { status: "matched", zulipUserId, ...(timezone === undefined ? {} : { timezone }), remedy: null }
);
