import { type PauseRow, pausesAt, subjectsOfMessages } from "../../sql/state/pauses.ts";
import { dissolveMessages } from "../../sql/state/messages.ts";
import { postponeMessages } from "../../sql/state/postpone.ts";
import type { UnfinishedMessageRow } from "../../sql/state/messages.ts";
import type { LmsId } from "../model/event.ts";
import { ADMIN, mentorOf } from "../model/recipient.ts";
import { type EpochMicros, fromInstant } from "../model/time.ts";
import type { Queryable } from "../state/state_db.ts";
import type { NotifierDeps } from "./notify_types.ts";

export type PauseScope = "all" | "mentor" | "student" | "exam";

/** Something of which nothing is told for a while. */
export interface Pause {
  readonly pauseId: string;
  readonly scope: PauseScope;
  /** Of the LMS; `null`: everything. */
  readonly subjectId: LmsId | null;
  /** `null`: until somebody ends it. */
  readonly until: EpochMicros | null;
  readonly reason: string;
  readonly since: EpochMicros;
}

/** What a pause may cover. */
export interface Pausable {
  readonly recipient: string | null;
  readonly kind: string;
  readonly studentId: LmsId | null;
  readonly activityId: LmsId | null;
}

/** What is paused without an end is looked at again so often; `resume` does not wait for that. */
const AGAIN_US = 3_600_000_000;

/** Every pause of a source that holds now. */
export async function readPauses(
  { db, source }: { readonly db: { readonly sql: Queryable }; readonly source: string },
  now: EpochMicros,
): Promise<Pause[]> {
  return (await pausesAt(db.sql, source, now)).map(pauseOf);
}

export function pauseOf(row: PauseRow): Pause {
  return {
    pauseId: row.pause_id,
    scope: row.scope,
    subjectId: row.subject_id,
    until: row.until === null ? null : fromInstant(row.until),
    reason: row.reason,
    since: fromInstant(row.created_at),
  };
}

/** The pauses that cover a delivery. Notices to the administrator are never paused. */
export function pausesOf(delivery: Pausable, pauses: readonly Pause[]): Pause[] {
  if (delivery.recipient === ADMIN) return [];
  return pauses.filter(({ scope, subjectId }) => {
    switch (scope) {
      case "all":
        return true;
      case "mentor":
        return delivery.recipient !== null && mentorOf(delivery.recipient) === subjectId;
      case "student":
        return delivery.studentId === subjectId;
      case "exam":
        return delivery.kind === "exam" && delivery.activityId === subjectId;
    }
  });
}

/** When a paused delivery is looked at again: at the end of the last pause that covers it. `null`: nothing pauses it. */
export function pausedUntil(delivery: Pausable, pauses: readonly Pause[], now: EpochMicros): EpochMicros | null {
  const own = pausesOf(delivery, pauses);
  return own.length === 0 ? null : Math.max(...own.map(({ until }) => until ?? now + AGAIN_US));
}

/**
 * Keeps composed messages of what is paused from leaving: those never tried are taken apart, so that they are composed anew
 * afterwards. One that was in doubt once keeps its text, since that may be in Zulip: it waits as a whole when its recipient is paused,
 * and is finished as it is when only a student or an exam in it is. Returns the messages that are still under way and may leave.
 */
export async function withholdPaused(
  deps: Pick<NotifierDeps, "db" | "clock">,
  unfinished: readonly UnfinishedMessageRow[],
  pauses: readonly Pause[],
): Promise<UnfinishedMessageRow[]> {
  const { db: { sql }, clock } = deps;
  const waiting = unfinished.filter(({ state, recipient }) => state === "pending" && recipient !== ADMIN);
  if (pauses.length === 0 || waiting.length === 0) return [...unfinished];
  const now = clock.now();
  const subjects = Map.groupBy(
    await subjectsOfMessages(sql, waiting.map((message) => message.message_id)),
    (row) => row.message_id,
  );
  const dissolve = new Set<string>();
  const postpone = new Map<string, EpochMicros>();
  for (const { message_id: id, started_ms_ago: began, recipient } of waiting) {
    const rows = (subjects.get(id) ?? []).map((row): Pausable => (
      { recipient, kind: row.kind, studentId: row.student_id, activityId: row.activity_id }
    ));
    if (began === null) {
      if (rows.some((row) => pausesOf(row, pauses).length > 0)) dissolve.add(id);
      continue;
    }
    const until = pausedUntil({ recipient, kind: "", studentId: null, activityId: null }, pauses, now);
    if (until !== null) postpone.set(id, until);
  }
  if (dissolve.size > 0) await dissolveMessages(sql, [...dissolve], now);
  for (const [until, ids] of Map.groupBy(postpone, ([, until]) => until)) {
    await postponeMessages(sql, ids.map(([id]) => id), until, null);
  }
  return unfinished.filter(({ message_id: id }) => !dissolve.has(id) && !postpone.has(id));
}
