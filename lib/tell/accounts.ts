import type { LmsId } from "../model/event.ts";
import type { ZulipApi } from "../bot/zulip_api.ts";
import { peopleByIds } from "../../sql/state/outbox.ts";
import type { Person } from "../model/person.ts";
import { mentorOf } from "../model/recipient.ts";
import { createUserResolver, type UserResolver } from "../people/resolve_users.ts";
import { addressKey } from "../people/directory.ts";
import { createUserLinkStore, type KnownLink, type UserLinkStore } from "../people/user_links.ts";
import type { AccountId, AccountsById, NotifierDeps } from "./notify_types.ts";

/** A mentor as the LMS names them. */
export interface MentorPerson {
  readonly id: LmsId;
  readonly username: string | null;
  readonly email: string | null;
  readonly name: string | null;
}

/** Due rows, and the mentors whose accounts matter for them. */
export interface WhoseAccounts {
  readonly rows: readonly {
    readonly recipient: string;
    readonly studentId: LmsId | null;
    readonly studentEmail: string | null;
  }[];
  readonly mentors: ReadonlyMap<LmsId, MentorPerson>;
}

export interface LoadedAccounts {
  readonly mentors: AccountsById;
  /** The mentors' own time zones, as far as Zulip says them. */
  readonly zones: ReadonlyMap<LmsId, string>;
  /** Mentors who are the student themselves, as `<mentor>/<student>`. */
  readonly selves: ReadonlySet<string>;
}

/** What is needed to find accounts. */
export type AccountsDeps = Pick<NotifierDeps, "db" | "source" | "clock" | "config"> & {
  readonly zulip: Pick<ZulipApi, "users">;
};

/** Finds the Zulip accounts of mentors, and which mentor is their own student. */
export interface Accounts {
  /**
   * The mentors' accounts, and which pairs `<mentor>/<student>` among the rows are one person. Throws ZulipError when Zulip
   * is needed and away.
   */
  of(due: WhoseAccounts, signal?: AbortSignal): Promise<LoadedAccounts>;
  ofMentorIds(ids: readonly LmsId[], signal?: AbortSignal): Promise<AccountsById>;
  /** A recipient was refused: look everybody up again, at most once a minute. */
  forget(): void;
}

const FORGET_PAUSE_MS = 60_000;

/** `remembers`: what is found is written down for all processes; a dry run's is not. */
export function createAccounts(deps: AccountsDeps, { remembers = true } = {}): Accounts {
  const stored: UserLinkStore = createUserLinkStore(deps.db.sql, deps.source);
  const links = remembers ? stored : { ...stored, write: () => Promise.resolve() };
  const resolver: UserResolver = createUserResolver({
    links,
    zulip: deps.zulip,
    clock: deps.clock,
    users: deps.config.users,
  });
  let forgottenAtMs = -Infinity;
  async function resolve(mentors: readonly MentorPerson[], signal?: AbortSignal) {
    const people = mentors.map(({ id, username, email, name }): Person => (
      { role: "mentor", id, username, email, name, active: true, batchIds: [] }
    ));
    const matches = [...await resolver.resolve("mentor", people, signal)];
    return {
      mentors: new Map(matches.map(([id, match]): [LmsId, AccountId] => [id, match.zulipUserId])),
      zones: new Map(matches.flatMap(([id, { timezone }]): [LmsId, string][] => timezone ? [[id, timezone]] : [])),
    };
  }
  function readStudents(due: WhoseAccounts): Promise<Map<LmsId, KnownLink>> {
    return links.read("student", [...new Set(due.rows.flatMap((row) => row.studentId ?? []))], Number.MAX_SAFE_INTEGER);
  }

  return {
    async of(due, signal) {
      const [found, students] = await Promise.all([resolve([...due.mentors.values()], signal), readStudents(due)]);
      return { ...found, selves: selvesOf(due, found.mentors, students) };
    },
    ofMentorIds: async (ids, signal) =>
      (await resolve(await peopleByIds(deps.db.sql, deps.source, "mentor", ids), signal)).mentors,
    forget() {
      const now = deps.clock.monotonicMs();
      if (now - forgottenAtMs < FORGET_PAUSE_MS) return;
      forgottenAtMs = now;
      resolver.forget();
    },
  };
}

function selvesOf(due: WhoseAccounts, mentors: AccountsById, students: ReadonlyMap<LmsId, KnownLink>): Set<string> {
  const own = new Set<string>();
  for (const { recipient, studentId, studentEmail } of due.rows) {
    const mentor = mentorOf(recipient);
    const account = mentor === null ? null : mentors.get(mentor) ?? null;
    if (mentor === null || account === null || studentId === null) continue;
    const email = addressKey(due.mentors.get(mentor)?.email ?? "");
    const sameAddress = email !== "" && email === addressKey(studentEmail ?? "");
    if (sameAddress || students.get(studentId)?.zulipUserId === account) own.add(`${mentor}/${studentId}`);
  }
  return own;
}
