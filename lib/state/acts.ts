import { insertAct } from "../../sql/state/audit.ts";
import { environment } from "../config/environment.ts";
import { currentUid, nameOf } from "./directory_user.ts";
import type { Queryable } from "./state_db.ts";

/** Something that a person did by hand. It holds ids of the LMS at most, no names: an erasure knows them by `student 7`, `mentor 7`. */
export interface Act {
  readonly source: string;
  /** As it would be typed: `pause --mentor 3`. */
  readonly command: string;
  /** The administrator's own words. */
  readonly reason?: string | null;
  readonly effect: string;
}

/** Writes down who did it, from where. In the transaction of the act itself, where it has one. */
export async function recordAct(sql: Queryable, { source, command, reason, effect }: Act): Promise<void> {
  await insertAct(sql, { source, who: whoActs(), host: hostName(), command, reason: reason ?? null, effect });
}

/** The user of this machine; with sudo, who called it too. */
export function whoActs(): string {
  const uid = currentUid();
  const user = uid === null ? "unknown" : nameOf(uid) ?? `uid ${uid}`;
  return actorWords(user, uid === 0, environment().SUDO_USER);
}

/**
 * `alice (sudo)`, and of a service's own user `alice (sudo -u lmsmon)`: on a server everybody runs lmsmon as that one. Who is that user
 * could say otherwise; they own the state as well.
 */
export function actorWords(user: string, isRoot: boolean, before: string | undefined): string {
  if (before === undefined || before === user || !/^[\w.@-]{1,64}$/.test(before)) return user;
  return isRoot ? `${before} (sudo)` : `${before} (sudo -u ${user})`;
}

function hostName(): string {
  try {
    return Deno.hostname();
  } catch {
    return "unknown"; // no --allow-sys
  }
}
