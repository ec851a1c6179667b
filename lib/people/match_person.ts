import type { LmsId } from "../model/event.ts";
import type { Person, Role } from "../model/person.ts";
import { type Account, addressKey, type Directory } from "./directory.ts";

export const MATCH_STATUSES = [
  "matched",
  "override",
  "no_email",
  "placeholder",
  "no_account",
  "hidden",
  "duplicate",
  "deactivated",
  "unknown_override",
] as const;
export type MatchStatus = (typeof MATCH_STATUSES)[number];

/** Which Zulip account an LMS person has, or why none. */
export interface Match {
  readonly status: MatchStatus;
  /** Set exactly when messages can go there. */
  readonly zulipUserId: string | null;
  /** The account's own zone, where Zulip says one. */
  readonly timezone?: string;
  /** What the administrator can do; `null` when all is well. Names ids only, so it may be logged. */
  readonly remedy: string | null;
}

export interface MatchSettings {
  /** LMS email or username (lower case) -> Zulip user id or email. */
  readonly overrides: ReadonlyMap<string, string>;
  readonly placeholderDomains: readonly string[];
}

const BY_HAND = "or set users.overrides";

/** Overrides come first, then the real address; never by name, since the wrong mentor would read a student's results. */
export function matchPerson(person: Person, directory: Directory, settings: MatchSettings): Match {
  const chosen = overrideOf(person, settings.overrides);
  if (chosen !== null) return matchOverride(chosen, directory);
  const email = addressKey(person.email ?? "");
  const odd = oddLetters(email, directory);
  if (odd !== null) return odd;
  if (!/^[^@\s]+@[^@\s]+$/.test(email)) {
    const what = email === "" ? "an address" : "a valid address (what is there is none)";
    return no("no_email", `Enter ${what} in the LMS ${BY_HAND}`);
  }
  if (isPlaceholder(email, settings.placeholderDomains)) {
    return no("placeholder", `Enter a real address in the LMS ${BY_HAND}`);
  }
  return matchAddress(directory.withAddress(email)) ?? noAccount(person, directory);
}

/** The value of the override that names this person, by address or by username; `null` when none does. */
export function overrideOf(person: Person, overrides: MatchSettings["overrides"]): string | null {
  const keys = [person.email, person.username].flatMap((key) => key === null ? [] : [addressKey(key)]);
  return keys.map((key) => overrides.get(key)).find((value) => value !== undefined) ?? null;
}

/** A match through an address that several LMS people of one role have: it works, but somebody should know. */
export function asShared(match: Match, role: Role, ids: readonly LmsId[], count: number): Match {
  const more = count > ids.length ? ` and ${count - ids.length} more` : "";
  return {
    ...match,
    status: "duplicate",
    remedy:
      `${role === "mentor" ? "Mentors" : "Students"} ${ids.join(", ")}${more} have the same address in the LMS, ` +
      `so Zulip account ${match.zulipUserId} stands for all of them: give each their own, ${BY_HAND}`,
  };
}

function matchOverride(value: string, directory: Directory): Match {
  const target = value.trim();
  const byId = /^\d+$/.test(target);
  if (byId && directory.isBot(target)) {
    return no(
      "unknown_override",
      `users.overrides names Zulip account ${target}, a bot: name a person's account`,
    );
  }
  const account = directory.withId(target);
  const found = byId ? (account === null ? [] : [account]) : directory.withAddress(target);
  const match = matchAddress(found);
  if (match === null) {
    const what = byId ? `Zulip account ${target}, which does not exist` : "an address that no visible account has";
    return no("unknown_override", `users.overrides names ${what}: correct it, best to a Zulip user id`);
  }
  return match.status === "matched" ? { ...match, status: "override" } : match;
}

/** `null` when nobody has the address. */
function matchAddress(accounts: readonly Account[]): Match | null {
  const active = accounts.filter((account) => account.isActive);
  const [first, second] = active;
  if (second !== undefined) {
    const ids = active.map((account) => account.userId).join(", ");
    return no("duplicate", `Zulip accounts ${ids} have this address: deactivate all but one ${BY_HAND}`);
  }
  if (first !== undefined) {
    const { userId, timezone } = first;
    return { status: "matched", zulipUserId: userId, ...(timezone ? { timezone } : {}), remedy: null };
  }
  const [gone] = accounts;
  if (gone === undefined) return null;
  return no("deactivated", `Zulip account ${gone.userId} is deactivated: reactivate it ${BY_HAND}`);
}

/** Format and control characters, and the forms that East Asian keyboards give Latin letters: nobody sees them in a table. */
const ODD = /[\p{Cc}\p{Cf}\u3000\uff01-\uff5e]/u;

/**
 * An address that looks right and is not: what is seen is somebody's address, what is there is not. Never matched by what it
 * looks like, since two addresses may look the same.
 */
function oddLetters(email: string, directory: Directory): Match | null {
  if (!ODD.test(email) || directory.withAddress(email).length > 0) return null;
  const seen = email.normalize("NFKC").replace(/[\p{Cc}\p{Cf}\s]/gu, "");
  const account = directory.withAddress(seen)[0];
  const whose = account === undefined ? "" : ` (it then is that of Zulip account ${account.userId})`;
  return no("no_email", `The address holds invisible or fullwidth letters: type it anew in the LMS${whose} ${BY_HAND}`);
}

function noAccount(person: Person, directory: Directory): Match {
  const namesakes = directory.hiddenWithName(person.name ?? person.username ?? "");
  if (namesakes.length > 0) {
    const ids = namesakes.map((account) => account.userId).join(", ");
    return no(
      "hidden",
      `Zulip account ${ids} has this name but hides its address from the bot: give the bot a role that sees addresses, ` +
        `have the address shown to members ${BY_HAND}`,
    );
  }
  const { hidden } = directory;
  const hide = hidden === 1 ? "account hides its address" : "accounts hide their addresses";
  const maybe = hidden === 0
    ? ""
    : `; ${hidden} ${hide} from the bot: one may be theirs, a higher role of the bot would tell`;
  if (person.role === "student") {
    return no(
      "no_account",
      `Nothing to do: a student needs no account, their mentors are told. If they use Zulip, correct the address in the LMS ${BY_HAND}${maybe}`,
    );
  }
  return no("no_account", `Invite them to Zulip, correct the address in the LMS ${BY_HAND}${maybe}`);
}

function isPlaceholder(email: string, domains: readonly string[]): boolean {
  const domain = email.slice(email.lastIndexOf("@") + 1);
  return domains.map(addressKey).some((placeholder) => domain === placeholder || domain.endsWith(`.${placeholder}`));
}

const no = (status: MatchStatus, remedy: string): Match => ({ status, zulipUserId: null, remedy });
