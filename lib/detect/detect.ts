import type { AttemptRow, RowState } from "../model/attempt.ts";
import type { Change, DetectedEvent, Reported } from "../model/event.ts";
import { type EventType, hasResults } from "../model/event_types.ts";
import type { EpochMicros } from "../model/time.ts";
import { finishOf, type Occurred, startOf } from "./times.ts";
import { differs, NOTHING_REPORTED, valuesOf } from "./values.ts";

export { metadataOf } from "./metadata.ts";

/** What one look at one row means. */
export interface Detection {
  readonly after: RowState;
  readonly event: DetectedEvent | null;
  /** Why the row cannot be judged; it stays open and is looked at again in every poll. */
  readonly quarantine: string | null;
  /** The LMS took the row back to a lower stage: counted, but no event. Once per change, not per poll. */
  readonly regression: boolean;
  /** The state differs from `before`. A row that stays quarantined is read in every poll, but stored once. */
  readonly changed: boolean;
}

/** Compares what is known of a row with what the LMS says now. Pure; the same row twice gives nothing the second time. */
export function detect(before: RowState | null, row: AttemptRow, now: EpochMicros): Detection {
  const known = sameAttempt(before, row);
  const seen: RowState = { ...known, hash: row.hash, missingSince: null, missingAtPass: null };
  switch (row.progress) {
    case "unknown":
      // Not seenOpen: when a later version knows the word, an old row must not pass for news.
      return result(before, { ...seen, open: true }, null, reasonOf(row));
    case "not_started":
      return result(before, { ...seen, open: true, seenOpen: true }, null, null, known.stage !== "none");
    case "running": {
      // A settled row is read by the full pass only; should it go on after all, that is news as of any row seen running.
      const after: RowState = { ...seen, open: row.settled !== true, seenOpen: true };
      if (known.stage === "finished") return result(before, after, null, null, true);
      if (known.stage === "started") return result(before, after, null, null);
      return result(before, { ...after, stage: "started" }, unlessMirror(row, started(known, row, now)), null);
    }
    case "finished": {
      const event = unlessMirror(
        row,
        known.stage === "finished" ? revised(known, row, now) : finished(known, row, now),
      );
      const after: RowState = { ...seen, stage: "finished", open: false };
      if (event === null) return result(before, after, null, null);
      return result(before, { ...after, reported: valuesOf(row), revision: event.revision }, event, null);
    }
  }
}

/**
 * The row is gone from the LMS. Its identity stays: should it come back, only other values are news.
 * `pass`: how many full passes have ended when the one that misses it ends.
 */
export function missing(before: RowState, now: EpochMicros, pass: number): RowState {
  const since = before.missingSince === null
    ? { missingSince: now, missingAtPass: pass }
    : { missingSince: before.missingSince, missingAtPass: before.missingAtPass };
  return { ...before, hash: null, open: false, ...since };
}

/** What is known of the attempt that the row is now: nothing, when the LMS keeps another one under the id of a known row. */
function sameAttempt(before: RowState | null, row: AttemptRow): RowState {
  const { studentId, activityId } = row;
  const attemptNo = row.reused === true ? row.attemptNo ?? null : null;
  const identity = { studentId, activityId, ...(row.reused === true ? { attemptNo } : {}) };
  if (before === null) return { ...unseen(row.id), ...identity };
  if (isAnother(before.studentId, studentId) || isAnother(before.activityId, activityId)) {
    return { ...unseen(row.id), ...identity, incarnation: before.incarnation + 1 };
  }
  if (attemptNo !== null && attemptNo !== (before.attemptNo ?? attemptNo)) {
    return { ...unseen(row.id), ...identity, incarnation: before.incarnation + 1 };
  }
  if (attemptNo !== null && before.attemptNo == null) before = { ...before, attemptNo };
  // Who or what was unknown may become known, and a half-done sync may blank it again: both are still this attempt.
  return { ...before, studentId: before.studentId ?? studentId, activityId: before.activityId ?? activityId };
}

const isAnother = (known: string | null, now: string | null) => known !== null && now !== null && known !== now;

/** The state of a row that nothing is known of. */
export function unseen(id: string): RowState {
  return {
    id,
    studentId: null,
    activityId: null,
    incarnation: 1,
    hash: null,
    stage: "none",
    reported: NOTHING_REPORTED,
    revision: 0,
    open: false,
    seenOpen: false,
    lastEventId: null,
    missingSince: null,
    missingAtPass: null,
  };
}

/** A row that mirrors an exam attempt is tracked, but gives no event: the exam attempt does. */
function unlessMirror(row: AttemptRow, event: DetectedEvent | null): DetectedEvent | null {
  return row.mirrorsExam ? null : event;
}

function started(before: RowState, row: AttemptRow, now: EpochMicros): DetectedEvent {
  const type = hasResults(row.kind) ? "exam_started" : "content_started";
  return { ...event(before, row, type, startOf(row, now)), stage: "started", firstSeen: !before.seenOpen };
}

function finished(before: RowState, row: AttemptRow, now: EpochMicros): DetectedEvent {
  return { ...event(before, row, finishType(row), finishOf(row, now, before.seenOpen)), firstSeen: !before.seenOpen };
}

/** A later report of a finish (correction or first result), `null` when nothing worth reporting changed. Content has none. */
function revised(before: RowState, row: AttemptRow, now: EpochMicros): DetectedEvent | null {
  if (!hasResults(row.kind)) return null;
  const change = changeOf(before.reported, valuesOf(row), row.graded === true);
  if (change === null) return null;
  return {
    ...event(before, row, finishType(row), finishOf(row, now, before.seenOpen)), // placeholder: recording replaces it with the superseded event's time
    revision: before.revision + 1,
    previous: before.reported,
    change,
  };
}

/** `hasMark`: the LMS says of itself that there is a mark, whatever the verdict. */
function changeOf(reported: Reported, now: Reported, hasMark: boolean): Change | null {
  if (now.verdict !== reported.verdict) {
    // A verdict that turns null is a half-done sync or a re-evaluation: nothing is reported until there is one again.
    if (now.verdict === null) return null;
    // A mark reported without a verdict was a result already; a pass mark set afterwards corrects it, and the fuse counts it.
    return reported.verdict === null && !(hasMark && (reported.percentage !== null || reported.score !== null))
      ? "first_result"
      : "verdict";
  }
  // A mark where none was reported before: also a result, though nobody says whether it is enough.
  if (hasMark && now.verdict === null && reported.score === null && reported.percentage === null) {
    return now.score === null && now.percentage === null ? null : "first_result";
  }
  return differs(reported.score, now.score) || differs(reported.percentage, now.percentage) ? "score" : null;
}

function finishType(row: AttemptRow): EventType {
  if (!hasResults(row.kind)) return row.watchable ? "content_watched" : "content_completed";
  if (row.verdict === null) return "exam_completed";
  return row.verdict === "pass" ? "exam_passed" : "exam_failed";
}

function event(before: RowState, row: AttemptRow, type: EventType, occurred: Occurred): DetectedEvent {
  return {
    type,
    kind: row.kind,
    stage: "finished",
    attemptId: row.id,
    incarnation: before.incarnation,
    revision: 1,
    occurredAt: occurred.at,
    occurredAtApproximate: occurred.approximate,
    firstSeen: false,
    previous: null,
    change: before.incarnation > 1 && before.stage === "none" && row.reused !== true ? "reused" : null,
  };
}

/** The LMS's word is vocabulary, not personal data; cut, since the column is free text. */
function reasonOf(row: AttemptRow): string {
  if (row.state === null) return `state of this ${row.kind} attempt is null`;
  const word = [...row.state.toWellFormed()].slice(0, 60).join("");
  return `unknown state ${JSON.stringify(word)} of this ${row.kind} attempt`;
}

function result(
  before: RowState | null,
  after: RowState,
  event: DetectedEvent | null,
  quarantine: string | null,
  lower = false,
): Detection {
  const changed = event !== null || before === null || !sameState(before, after);
  return { after, event, quarantine, regression: lower && changed, changed };
}

/** `reported` and `revision` move only with an event; the rest is compared here. */
function sameState(a: RowState, b: RowState): boolean {
  return a.incarnation === b.incarnation && (a.attemptNo ?? null) === (b.attemptNo ?? null) &&
    a.studentId === b.studentId && a.activityId === b.activityId &&
    a.hash === b.hash && a.stage === b.stage && a.open === b.open && a.seenOpen === b.seenOpen &&
    a.missingSince === b.missingSince;
}
