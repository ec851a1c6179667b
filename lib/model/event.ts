import type { EventType, Kind, Stage, Verdict } from "./event_types.ts";
import type { EpochMicros } from "./time.ts";

export type Origin = "live" | "backfill";

/** An LMS id as decimal text: ids may exceed 2^53, and text is what both drivers and COPY speak. */
export type LmsId = string;

/** What the last event about a finish reported; the base of "now passed: 41 -> 73". */
export interface Reported {
  readonly verdict: Verdict | null;
  readonly score: number | null;
  readonly percentage: number | null;
}

/**
 * `activity_metadata` in the database and `metadata` in an export line: the same keys, always all of them, `null` when
 * unknown or not applicable. `graded` is `null` for content and for started exams.
 */
export interface EventMetadata {
  readonly graded: boolean | null;
  readonly verdict: Verdict | null;
  readonly score: number | null;
  readonly score_max: number | null;
  readonly percentage: number | null;
  readonly pass_percentage: number | null;
  readonly correct: number | null;
  readonly incorrect: number | null;
  readonly unanswered: number | null;
  /** UTC, `formatUtc`. */
  readonly started_at: string | null;
  readonly time_taken_s: number | null;
  readonly duration_allowed_s: number | null;
  readonly watched_percentage: number | null;
  /** The LMS's own words. */
  readonly result: string | null;
  readonly state: string | null;
  readonly revision: number;
  /** event_id of the earlier report that this revision replaces; a number, or text above 2^53. */
  readonly supersedes: number | string | null;
  readonly previous: Reported | null;
}

/** Reasons that hold for every recipient: kept once, on the event (P4). */
export const EVENT_SUPPRESSIONS = [
  "first_contact",
  "notifications_off",
  "type_not_told",
  "too_old",
  "student_excluded",
  "revision_not_told",
] as const;
export type EventSuppression = (typeof EVENT_SUPPRESSIONS)[number];

/** Why a revision exists: a later report of the same finish. */
export type Revised =
  /** An ungraded finish got its verdict: that is a result, not a correction. */
  | "first_result"
  /** From pass to fail or from fail to pass, or a reported mark that gets a verdict. */
  | "verdict"
  /** The same verdict, another score or percentage. */
  | "score";

/**
 * What an event changes of what was known of its row: why a revision exists, or `reused` for the first report of another
 * attempt under a row id that was known as somebody's. `null` for any other first report.
 */
export type Change = Revised | "reused";

/**
 * Whether a result that was reported before is replaced. A first result corrects nothing: there was no result before it.
 * `changeOf` in lib/detect/detect.ts finds the kind of change.
 */
export function isCorrection(change: Change | null): boolean {
  return change === "verdict" || change === "score";
}

/**
 * Changes of what the LMS had said before: many of them in one poll are a flood, not news (P11). In SQL the same list is in
 * `pollWeight` (sql/state/poll_runs.ts) and `heldPolls` (sql/state/release.ts).
 */
export function isRewritten(change: Change | null): boolean {
  return isCorrection(change) || change === "reused";
}

/** An event as detected, before it has an id: a pure value (lib/detect makes it, lib/poll/record records it). */
export interface DetectedEvent {
  readonly type: EventType;
  readonly kind: Kind;
  readonly stage: Stage;
  readonly attemptId: LmsId;
  /** Which attempt under this row id, from 1: an LMS may use an id again for another student or activity. */
  readonly incarnation: number;
  /** 1 for the first report of a stage; rises with each later report of a finish: correction or first result. */
  readonly revision: number;
  readonly occurredAt: EpochMicros;
  readonly occurredAtApproximate: boolean;
  /** True when the row was not known as open before: only such events are subject to `notify.max_age`. */
  readonly firstSeen: boolean;
  /** What the superseded event reported; `null` for revision 1. */
  readonly previous: Reported | null;
  readonly change: Change | null;
}
