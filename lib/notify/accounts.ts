import type { LmsId } from "../model/event.ts";
import { peopleByIds } from "../../sql/state/outbox.ts";
import type { Person } from "../model/person.ts";
import { createUserResolver, type UserResolver } from "../users/resolve_users.ts";
import { addressKey } from "../users/directory.ts";
import { createUserLinkStore, type UserLinkStore } from "../users/user_links.ts";
import type { LoadedDue, MentorPerson } from "./load_due.ts";
import type { AccountId, AccountsById, NotifierDeps } from "./notify_types.ts";

/** Finds the Zulip accounts of mentors, and which mentor is their own student. */
export interface Accounts {
  /** Throws ZulipError when Zulip is needed and away. */
  ofMentors(due: LoadedDue, signal?: AbortSignal): Promise<AccountsById>;
  ofMentorIds(ids: readonly LmsId[], signal?: AbortSignal): Promise<AccountsById>;
  /** Pairs `<mentor>/<student>` that are one person. */
  selves(due: LoadedDue, mentors: AccountsById): Promise<Set<string>>;
  /** A recipient was refused: look everybody up again, at most once a minute. */
  forget(): void;
}

const FORGET_PAUSE_MS = 60_000;

export function createAccounts(deps: NotifierDeps): Accounts {
  const links: UserLinkStore = createUserLinkStore(deps.db.sql, deps.source);
  const resolver: UserResolver = createUserResolver({
    links,
    zulip: deps.zulip,
    clock: deps.clock,
    users: deps.config.users,
  });
  let forgottenAtMs = -Infinity;
  async function resolve(mentors: readonly MentorPerson[], signal?: AbortSignal): Promise<AccountsById> {
    const people = mentors.map(({ id, username, email, name }): Person => (
      { role: "mentor", id, username, email, name, active: true, batchIds: [] }
    ));
    const matches = await resolver.resolve("mentor", people, signal);
    return new Map([...matches].map(([id, match]): [LmsId, AccountId] => [id, match.zulipUserId]));
  }

  return {
    ofMentors: (due, signal) => resolve([...due.mentors.values()], signal),
    ofMentorIds: async (ids, signal) => resolve(await peopleByIds(deps.db.sql, deps.source, "mentor", ids), signal),
    async selves(due, mentors) {
      const students = new Map(
        due.rows.flatMap((row) => row.studentId === null ? [] : [[row.studentId, row] as const]),
      );
      const accounts = await links.read("student", [...students.keys()], Number.MAX_SAFE_INTEGER);
      const own = new Set<string>();
      for (const { recipient, studentId, studentEmail } of due.rows) {
        const mentor = recipient.replace(/^mentor:/, "");
        const account = mentors.get(mentor) ?? null;
        if (account === null || studentId === null) continue;
        const email = addressKey(due.mentors.get(mentor)?.email ?? "");
        const sameAddress = email !== "" && email === addressKey(studentEmail ?? "");
        if (sameAddress || accounts.get(studentId)?.zulipUserId === account) own.add(`${mentor}/${studentId}`);
      }
      return own;
    },
    forget() {
      const now = deps.clock.monotonicMs();
      if (now - forgottenAtMs < FORGET_PAUSE_MS) return;
      forgottenAtMs = now;
      resolver.forget();
    },
  };
}
