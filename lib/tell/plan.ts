import type { Config, NotifyConfig } from "../config/config.ts";
import type { AttemptRow } from "../model/attempt.ts";
import type { DetectedEvent, EventSuppression } from "../model/event.ts";
import type { Person } from "../model/person.ts";
import type { EpochMicros } from "../model/time.ts";

import { nextDigestTime } from "./times_of_day.ts";

/** When and how an event is to be told; decided at detection. */
export interface TellPlan {
  readonly status: "pending" | "waiting";
  /** `digest` when waiting for a digest time; `null` when pending. */
  readonly reason: "digest" | null;
  readonly dueAt: EpochMicros;
}

export interface PlanContext {
  /** The first whole pass over this stream is not stored yet: its rows are history (P10). */
  readonly firstContact: boolean;
  /** `poll-once --notify-history`: tell history as if it were news; `notify.max_age` still holds. */
  readonly notifyHistory: boolean;
  readonly now: EpochMicros;
  readonly notify: NotifyConfig;
  readonly students: Config["students"];
}

/** The values of an event and of its row that decide whether it is told. */
export type PlannedEvent = Pick<DetectedEvent, "type" | "change" | "firstSeen" | "revision" | "occurredAt">;
export type PlannedRow =
  & Pick<AttemptRow, "verdict" | "studentUsername">
  & Partial<Pick<AttemptRow, "active" | "graded">>;

/** Exactly one of both is set. */
export type Telling =
  | { readonly suppressed: EventSuppression; readonly tell: null }
  | { readonly suppressed: null; readonly tell: TellPlan };

/**
 * Whether, and when, an event is told to anybody at all; decided once, at detection. Who is told is decided later, when a
 * message is composed. `student`: as the people table knows them, `null` when it does not.
 */
export function planTelling(
  event: PlannedEvent,
  row: PlannedRow,
  student: Person | null,
  context: PlanContext,
): Telling {
  const suppressed = suppressionOf(event, row, student, context);
  return suppressed === null ? { suppressed, tell: planOf(event, context) } : { suppressed, tell: null };
}

/** The first reason that holds for every recipient. The order goes from the general to the particular. */
function suppressionOf(
  event: PlannedEvent,
  row: PlannedRow,
  student: Person | null,
  { firstContact, notifyHistory, now, notify, students }: PlanContext,
): EventSuppression | null {
  if (!notify.enabled) return "notifications_off";
  if (firstContact && !notifyHistory) return "first_contact";
  if (!notify.immediate.includes(event.type) && !notify.digest.events.includes(event.type)) return "type_not_told";
  if (!revisionIsTold(event, row, notify.revisions)) return "revision_not_told";
  if (isTooOld(event, now, notify.maxAgeMs)) return "too_old";
  if (isExcluded(row, student, students)) return "student_excluded";
  return null;
}

function revisionIsTold(event: PlannedEvent, row: PlannedRow, revisions: NotifyConfig["revisions"]): boolean {
  switch (event.change) {
    case null:
    case "reused": // another attempt, and its first report
    case "first_result": // a result that came late is a result, not a correction
      return true;
    case "verdict":
      return revisions !== "none";
    case "score":
      return revisions === "score" && (row.verdict !== null || row.graded === true);
  }
}

/** Only rows first seen in a stage can be too old: what lmsmon saw happen is news whatever the row's dates say. */
function isTooOld(event: PlannedEvent, now: EpochMicros, maxAgeMs: number | null): boolean {
  return maxAgeMs !== null && event.firstSeen && event.revision === 1 && event.occurredAt < now - maxAgeMs * 1000;
}

/** An unknown student is told about, unless the row itself names an excluded username. */
export function isExcluded(
  row: Pick<PlannedRow, "studentUsername" | "active">,
  student: Pick<Person, "username" | "active" | "batchIds"> | null,
  filter: Config["students"],
): boolean {
  const names = [student?.username ?? row.studentUsername].flatMap((name) => name ? [folded(name)] : []);
  if (filter.excludeUsernames.some((excluded) => names.includes(folded(excluded)))) return true;
  if (filter.activeOnly && row.active === false) return true; // no longer in this course, whatever the account says
  if (student === null) return false;
  if (filter.activeOnly && !student.active) return true;
  return filter.batches.length > 0 && !filter.batches.some((batch) => student.batchIds.includes(batch));
}

const folded = (username: string) => username.trim().toLowerCase();

function planOf(event: PlannedEvent, { now, notify }: PlanContext): TellPlan {
  const atDigest = notify.immediate.includes(event.type)
    ? null
    : nextDigestTime(now, notify.digest.at, notify.timezone);
  return atDigest === null
    ? { status: "pending", reason: null, dueAt: now }
    : { status: "waiting", reason: "digest", dueAt: atDigest };
}
