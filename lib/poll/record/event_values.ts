import type { EventMetadata, LmsId, Reported } from "../../model/event.ts";
import { formatUtc } from "../../model/time.ts";
import type { BatchEvent } from "./batch.ts";

/** What an event has besides what detection knows, and its id, which is taken when its batch is written. */
export interface EventContext {
  readonly source: string;
  readonly pollId: string;
  /** ISO text with zone. */
  readonly detectedAt: string;
  readonly mentorGraceUntil: string | null;
  readonly studentUsername: string | null;
  /** bigint[] text. */
  readonly studentBatchIds: string | null;
  readonly studentAccount: string | null;
  readonly firstMentor: { readonly id: LmsId; readonly username: string | null } | null;
  readonly mentorSetId: string | null;
  readonly attemptNo: number | null;
  /** Of the event that a revision supersedes: its id, and its time, which the revision keeps. */
  readonly superseded: { readonly eventId: string; readonly timestamp: string; readonly approximate: boolean } | null;
  readonly metadata: EventMetadata;
  readonly attemptPseudonym: string;
}

/**
 * Values of lmsmon.lms_activity_events after event_id, in the order of both of its insert statements (sql/state/events.ts): source,
 * kind, event_type, stage, attempt_id, incarnation, revision, student_id, student_username, mentor_id, mentor_username,
 * mentor_set_id, activity_id, activity_title, attempt_no, course_id, course, chapter_id, chapter, content_type, student_batch_ids,
 * activity_metadata, timestamp, timestamp_approximate, origin, change, suppressed_reason, mentor_grace_until, poll_id,
 * created_at, zulip_user_id, attempt_pseudonym.
 */
export function eventValues(event: BatchEvent, context: EventContext): (string | null)[] {
  const { detected, row } = event;
  const { superseded, firstMentor } = context;
  const activity = row.activity;
  return [
    context.source,
    detected.kind,
    detected.type,
    detected.stage,
    detected.attemptId,
    String(detected.incarnation),
    String(detected.revision),
    row.studentId,
    context.studentUsername,
    firstMentor?.id ?? null,
    firstMentor?.username ?? null,
    context.mentorSetId,
    row.activityId,
    activity?.title ?? null,
    context.attemptNo === null ? null : String(context.attemptNo),
    row.courseId ?? activity?.courseId ?? null,
    activity?.course ?? null,
    row.chapterId ?? activity?.chapterId ?? null,
    activity?.chapter ?? null,
    row.contentType,
    context.studentBatchIds,
    metadataJson(context.metadata, superseded?.eventId ?? null),
    superseded?.timestamp ?? formatUtc(detected.occurredAt),
    (superseded?.approximate ?? detected.occurredAtApproximate) ? "t" : "f",
    event.origin,
    detected.change,
    event.suppressed,
    context.mentorGraceUntil,
    context.pollId,
    context.detectedAt,
    context.studentAccount,
    context.attemptPseudonym,
  ];
}

/**
 * Positions in {@link eventValues} of what is not made of numbers, ids (which are digits since they were read), times and words
 * of ours: source, usernames, titles, content type, batches, metadata.
 */
export const EVENT_TEXTS: readonly number[] = [0, 8, 10, 13, 16, 18, 19, 20, 21];

/** `JSON.stringify` of the metadata with `supersedes` filled in; by hand, since a first pass does it a million times. */
export function metadataJson(m: EventMetadata, supersedes: string | null): string {
  return `{"graded": ${m.graded}, "verdict": ${word(m.verdict)}, "score": ${num(m.score)}, "score_max": ${
    num(m.score_max)
  }, "percentage": ${num(m.percentage)}, "pass_percentage": ${num(m.pass_percentage)}, "correct": ${
    num(m.correct)
  }, "incorrect": ${num(m.incorrect)}, "unanswered": ${num(m.unanswered)}, "started_at": ${
    word(m.started_at)
  }, "time_taken_s": ${num(m.time_taken_s)}, "duration_allowed_s": ${
    num(m.duration_allowed_s)
  }, "watched_percentage": ${num(m.watched_percentage)}, "result": ${quoted(m.result)}, "state": ${
    quoted(m.state)
  }, "revision": ${num(m.revision)}, "supersedes": ${supersedes === null ? "null" : idText(supersedes)}, "previous": ${
    m.previous === null ? "null" : previousJson(m.previous)
  }}`;
}

function previousJson(p: Reported): string {
  return `{"verdict": ${word(p.verdict)}, "score": ${num(p.score)}, "percentage": ${num(p.percentage)}}`;
}

/** In JSON text: a number, or a text above 2^53, which JSON readers would round. */
export function idText(id: string): string {
  return Number.isSafeInteger(Number(id)) ? id : `"${id}"`;
}

/** JSON has neither NaN nor infinity: JSON.stringify makes them null, too. */
const num = (value: number | null) => value === null || !Number.isFinite(value) ? "null" : String(value);
/** Words of ours, which need no escapes. */
const word = (value: string | null) => value === null ? "null" : `"${value}"`;
const quoted = (value: string | null) => value === null ? "null" : JSON.stringify(value);
