import type { LmsSource } from "../source/lms_source.ts";
import type { LmsId } from "../model/event.ts";
import type { Person, Role } from "../model/person.ts";
import type { Directory } from "./directory.ts";
import {
  asShared,
  type Match,
  MATCH_STATUSES,
  matchPerson,
  type MatchSettings,
  type MatchStatus,
} from "./match_person.ts";
import type { MatchedPerson } from "./user_links.ts";

/** How the people of one role fare. */
export interface RoleSurvey {
  readonly role: Role;
  readonly total: number;
  /** Matched or chosen by an override, and nobody else has the same address. */
  readonly withAccount: number;
  readonly byStatus: Readonly<Record<MatchStatus, number>>;
  /** LMS people of this role who share an address that leads to one account, by that account. */
  readonly shared: ReadonlyMap<string, SharedAccount>;
  /** Override keys that named somebody of this role. */
  readonly overridesUsed: ReadonlySet<string>;
}

/** The first few ids, and how many there are in all. */
export interface SharedAccount {
  readonly ids: readonly LmsId[];
  readonly count: number;
}

export interface Survey {
  readonly lms: Pick<LmsSource, "allPeople">;
  readonly directory: Directory;
  readonly settings: MatchSettings;
}

/** Enough to find the others by. */
const SHARED_IDS = 5;

/**
 * Counts first: who shares an address is known only when all have been seen. Memory is bounded by Zulip's accounts and the
 * overrides, not by the LMS; hence a second reading for the rows ({@link matchedPages}).
 */
export async function surveyRole({ lms, directory, settings }: Survey, role: Role): Promise<RoleSurvey> {
  const byStatus = Object.fromEntries(MATCH_STATUSES.map((status) => [status, 0])) as Record<MatchStatus, number>;
  const accounts = new Map<string, SharedAccount>();
  const overridesUsed = new Set<string>();
  let total = 0;
  for await (const page of lms.allPeople(role)) {
    for (const person of page) {
      const match = matchPerson(person, directory, settings);
      total++;
      byStatus[match.status]++;
      for (const key of overrideKeys(person)) if (settings.overrides.has(key)) overridesUsed.add(key);
      if (match.status !== "matched" || match.zulipUserId === null) continue;
      const { ids, count } = accounts.get(match.zulipUserId) ?? { ids: [], count: 0 };
      accounts.set(match.zulipUserId, { ids: count < SHARED_IDS ? [...ids, person.id] : ids, count: count + 1 });
    }
  }
  const shared = new Map([...accounts].filter(([, { count }]) => count > 1));
  for (const { count } of shared.values()) {
    byStatus.matched -= count;
    byStatus.duplicate += count;
  }
  return { role, total, withAccount: byStatus.matched + byStatus.override, byStatus, shared, overridesUsed };
}

/** Everybody of the surveyed role with their match, in pages by id. */
export async function* matchedPages(
  { lms, directory, settings }: Survey,
  { role, shared }: RoleSurvey,
): AsyncGenerator<readonly MatchedPerson[]> {
  for await (const page of lms.allPeople(role)) {
    yield page.map((person) => ({
      person,
      match: sharedOrNot(matchPerson(person, directory, settings), role, shared),
    }));
  }
}

/** Override keys that name nobody in the surveyed roles: typing errors, or people who left. */
export function unusedOverrides(settings: MatchSettings, surveys: readonly RoleSurvey[]): string[] {
  return [...settings.overrides.keys()].filter((key) => !surveys.some((survey) => survey.overridesUsed.has(key)));
}

const NAMES: Readonly<Record<MatchStatus, string>> = {
  matched: "matched",
  override: "by override",
  no_email: "no email",
  placeholder: "placeholder",
  no_account: "no account",
  hidden: "hidden",
  duplicate: "duplicate",
  deactivated: "deactivated",
  unknown_override: "unknown override",
};

/** In the order of how often an administrator meets them. */
const PROBLEMS = [
  "no_account",
  "hidden",
  "placeholder",
  "no_email",
  "duplicate",
  "deactivated",
  "unknown_override",
] as const satisfies readonly MatchStatus[];

/** `792 of 800 mentors have a Zulip account; 3 no account, 2 hidden, 2 placeholder, 1 duplicate`. */
export function summaryLine({ role, total, withAccount, byStatus }: RoleSurvey): string {
  const problems = PROBLEMS.filter((status) => byStatus[status] > 0).map((s) => `${byStatus[s]} ${NAMES[s]}`);
  const noun = total === 1 ? role : `${role}s`;
  const verb = withAccount === 1 ? "has" : "have";
  return `${withAccount} of ${total} ${noun} ${verb} a Zulip account` +
    (problems.length === 0 ? "" : `; ${problems.join(", ")}`);
}

export const isUnmatched = ({ status }: Match): boolean => status !== "matched" && status !== "override";

function sharedOrNot(match: Match, role: Role, shared: RoleSurvey["shared"]): Match {
  const others = match.status === "matched" ? shared.get(match.zulipUserId ?? "") : undefined;
  return others === undefined ? match : asShared(match, role, others.ids, others.count);
}

const overrideKeys = (person: Person) =>
  [person.email, person.username].flatMap((key) => key === null ? [] : [key.trim().toLowerCase()]);
