import type { AttemptRow, RowState } from "../../lib/model/attempt.ts";
import type { DetectedEvent } from "../../lib/model/event.ts";
import { detect, missing } from "../../lib/detect/detect.ts";
import { type EpochMicros, fromInstant } from "../../lib/model/time.ts";

export const at = (text: string): EpochMicros => fromInstant(Temporal.Instant.from(text));
export const NOW = at("2026-11-20T10:00:00Z");

let versions = 0;

/** An exam attempt that has just been started; every call is another version of the row (another hash). */
export function examRow(values: Partial<AttemptRow> = {}): AttemptRow {
  return {
    kind: "exam",
    id: "68701",
    hash: String(++versions),
    progress: "running",
    verdict: null,
    state: "Running",
    result: null,
    studentId: "7713",
    studentUsername: "s7713",
    studentName: null,
    studentEmail: null,
    activityId: "133",
    activity: {
      id: "133",
      title: "Rank Test 12",
      scoreMax: 180,
      passPercentage: 40,
      durationAllowedS: 10_800,
      courseId: "1",
      course: "Physics",
      chapterId: null,
      chapter: null,
    },
    startedAt: at("2026-11-20T09:00:00Z"),
    lastStartedAt: at("2026-11-20T09:00:00Z"),
    finishedAt: null,
    timeTakenS: null,
    score: null,
    percentage: null,
    correct: null,
    incorrect: null,
    unanswered: null,
    watchedPercentage: null,
    contentType: null,
    watchable: false,
    mirrorsExam: false,
    courseId: "1",
    chapterId: null,
    ...values,
  };
}

export const finishedExam = (values: Partial<AttemptRow> = {}) =>
  examRow({
    progress: "finished",
    state: "Completed",
    verdict: "pass",
    result: "Pass",
    score: 148,
    percentage: 82,
    finishedAt: at("2026-11-20T09:50:00Z"),
    ...values,
  });

export const contentRow = (values: Partial<AttemptRow> = {}) =>
  examRow({ kind: "content", state: "Started", contentType: "video", watchable: true, activity: null, ...values });

export const finishedContent = (values: Partial<AttemptRow> = {}) =>
  contentRow({ progress: "finished", state: "Completed", finishedAt: at("2026-11-20T09:50:00Z"), ...values });

/** One row through a series of polls; `null` = the row is not in the LMS at that poll. */
export function follow(rows: readonly (AttemptRow | null)[], now: EpochMicros = NOW) {
  let state: RowState | null = null;
  const events: DetectedEvent[] = [];
  const quarantines: string[] = [];
  let regressions = 0;
  for (const row of rows) {
    if (row === null) {
      if (state !== null) state = missing(state, now, 1);
      continue;
    }
    const detection = detect(state, row, now);
    state = detection.after;
    if (detection.event) events.push(detection.event);
    if (detection.quarantine !== null) quarantines.push(detection.quarantine);
    if (detection.regression) regressions++;
  }
  return { state, events, types: events.map((event) => event.type), quarantines, regressions };
}
