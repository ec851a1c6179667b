import { metadataOf } from "../../../lib/detect/metadata.ts";
import type { AttemptRow, RowState } from "../../../lib/model/attempt.ts";
import type { DetectedEvent } from "../../../lib/model/event.ts";
import type { Person } from "../../../lib/model/person.ts";
import type { Batch, BatchEvent, RowChange, Stream } from "../../../lib/poll/record/batch.ts";

/** 2026-11-20T09:15:00Z, and a now some minutes later. */
export const THEN = 1_795_166_100_000_000;
export const NOW = THEN + 300_000_000;
export const options = { metadataOf };

export function attempt(id: string, over: Partial<AttemptRow> = {}): AttemptRow {
  return {
    kind: "exam",
    id,
    hash: hashOf(id),
    progress: "finished",
    verdict: "pass",
    state: "Completed",
    result: "Pass",
    studentId: "7",
    studentUsername: "row-name",
    studentName: null,
    studentEmail: null,
    activityId: "133",
    activity: {
      id: "133",
      title: 'Rank Test 12 – "Elektro\\statics"\n\tx',
      scoreMax: 180,
      passPercentage: 40,
      durationAllowedS: 10_800,
      courseId: "1",
      course: "Physics",
      chapterId: null,
      chapter: null,
    },
    startedAt: THEN - 7_920_500_000,
    lastStartedAt: THEN - 7_920_500_000,
    finishedAt: THEN,
    timeTakenS: 7920.5,
    score: 148,
    percentage: 82.25,
    correct: 38,
    incorrect: 4,
    unanswered: 3,
    watchedPercentage: null,
    contentType: null,
    watchable: false,
    mirrorsExam: false,
    courseId: "1",
    chapterId: null,
    ...over,
  };
}

/** Any 64-bit hash, other for other text. */
export function hashOf(text: string): string {
  let hash = 1469598103934665603n;
  for (const sign of text) hash = BigInt.asUintN(64, (hash ^ BigInt(sign.charCodeAt(0))) * 1099511628211n);
  return String(BigInt.asIntN(64, hash * 2862933555777941757n));
}

export function stateOf(row: AttemptRow, over: Partial<RowState> = {}): RowState {
  const finished = row.progress === "finished";
  return {
    id: row.id,
    studentId: row.studentId,
    activityId: row.activityId,
    incarnation: 1,
    hash: row.hash,
    stage: finished ? "finished" : row.progress === "running" ? "started" : "none",
    reported: finished
      ? { verdict: row.verdict, score: row.score, percentage: row.percentage }
      : { verdict: null, score: null, percentage: null },
    revision: finished ? 1 : 0,
    open: !finished,
    seenOpen: false,
    lastEventId: null,
    missingSince: null,
    missingAtPass: null,
    ...over,
  };
}

export function eventOf(row: AttemptRow, over: Partial<DetectedEvent> = {}): DetectedEvent {
  const finished = row.progress === "finished";
  return {
    type: finished ? (row.verdict === "pass" ? "exam_passed" : "exam_failed") : "exam_started",
    kind: row.kind,
    stage: finished ? "finished" : "started",
    attemptId: row.id,
    incarnation: 1,
    revision: 1,
    occurredAt: THEN,
    occurredAtApproximate: false,
    firstSeen: true,
    previous: null,
    change: null,
    ...over,
  };
}

/** A live event that is told at once. */
export function told(row: AttemptRow, over: Partial<DetectedEvent> = {}): BatchEvent {
  return {
    detected: eventOf(row, over),
    row,
    origin: "live",
    suppressed: null,
    tell: { status: "pending", reason: null, dueAt: NOW },
  };
}

export function history(row: AttemptRow): BatchEvent {
  return { detected: eventOf(row), row, origin: "backfill", suppressed: "first_contact", tell: null };
}

export function change(
  row: AttemptRow,
  event: BatchEvent | null = null,
  before: RowState | null = null,
  over: Partial<RowState> = {},
): RowChange {
  return { before, after: stateOf(row, over), event, quarantine: null };
}

export function person(role: "student" | "mentor", id: string, over: Partial<Person> = {}): Person {
  return {
    role,
    id,
    username: `${role}${id}`,
    email: `${role}${id}@lms.example`,
    name: `${role} ${id}`,
    active: true,
    batchIds: role === "student" ? ["4", "9"] : [],
    ...over,
  };
}

export function batch(stream: Stream, pollId: string, changes: readonly RowChange[], over: Partial<Batch> = {}): Batch {
  return {
    stream,
    pollId,
    detectedAt: NOW,
    mentorGraceUntil: NOW + 86_400_000_000,
    changes,
    people: [person("student", "7"), person("mentor", "2"), person("mentor", "3")],
    links: new Map([["7", ["3", "2"]]]),
    ...over,
  };
}
