import assert from "node:assert/strict";
import { runPrivacy } from "../../../lib/app/privacy.ts";
import type { REASONS } from "../../../lib/tell/reasons.ts";
import { addressOf, type Question, type ReasonDesk } from "./desk.ts";

/** Brings a reason about, by polls, rounds and commands alone; what is asked then, and what must be answered. */
export interface Case {
  readonly bring: (desk: ReasonDesk) => Promise<Question>;
  readonly says: RegExp;
  /** `null`: there is nothing to change. */
  readonly change: RegExp | null;
}

/** Without a case for each reason of the product this is no program. */
/** `nobody_named` is of weekly messages, which are about no event: tests/tell/letters_test.ts brings it about and asks explain. */
export type Cases = {
  readonly [Place in keyof typeof REASONS]: Readonly<
    Record<Exclude<keyof (typeof REASONS)[Place], "nobody_named">, Case>
  >;
};

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
/** Longer than a send is waited for, and `settle`. */
export const SETTLED_MS = 95_000;
export const NEVER_AGAIN = /^Nothing: it is over/;
/** Where news for mentors without an account goes. */
export const CHANNEL = { channel: "Staff", topic: "unmatched mentors" };
const ERASE = { action: "erase", source: null, reasonCode: "art17", dryRun: false, yes: true } as const;

/** A poll that the fuse holds; one of its two attempts. */
export async function heldByFuse(desk: ReasonDesk): Promise<number> {
  const attempts = [await desk.finish(await desk.student()), await desk.finish(await desk.student())];
  await desk.bench.poll({ config: desk.notify({ fuse: { messagesPerPoll: 1, revisionsPerPoll: 1 } }) });
  return attempts[0] ?? 0;
}

/** Something that Zulip answered nothing to. */
export async function inDoubt(desk: ReasonDesk, student: number): Promise<number> {
  desk.standIn.fault({ kind: "500_after_commit", match: { contentIncludes: `Student ${student}*` } });
  return await desk.told(student, desk.notify({}));
}

/** Something for a mentor whose account went after it was found. */
export async function refused(desk: ReasonDesk, config: ReturnType<ReasonDesk["notify"]>): Promise<number> {
  const mentor = await desk.mentor();
  const student = await desk.student({}, [mentor]);
  await desk.told(student, config);
  const account = desk.standIn.realm.userByLogin(addressOf(mentor));
  assert.ok(account);
  desk.standIn.realm.users.delete(account.id);
  return await desk.told(student, config);
}

export async function erase(desk: ReasonDesk, role: "student" | "mentor", id: number): Promise<void> {
  await desk.text(runPrivacy, { ...ERASE, role, person: String(id), deleteMessages: false, json: true });
}

/** A mentor who has something to be told, so that their account was looked for. */
export async function withNews(desk: ReasonDesk, mentor: number, config?: ReturnType<ReasonDesk["notify"]>) {
  await desk.told(await desk.student({}, [mentor]), config);
  return { mentor };
}

export function overrides(desk: ReasonDesk, mentor: number, account: string) {
  const { config } = desk.bench;
  return { ...config, users: { ...config.users, overrides: new Map([[addressOf(mentor), account]]) } };
}
