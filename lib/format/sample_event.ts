import { type EventType, factsOf } from "../model/event_types.ts";
import { type EpochMicros, formatUtc, MICROS_PER_SECOND } from "../model/time.ts";
import type { ToldEvent } from "../model/told_event.ts";

/** A made-up event of a type, for `notify-test --event` and for tests; it happened three minutes before `now`. */
export function sampleEvent(type: EventType, now: EpochMicros): ToldEvent {
  const { kind, stage, sample } = factsOf(type);
  const isExam = kind === "exam";
  const finishedExam = isExam && stage === "finished";
  const graded = sample.verdict !== null;
  const passed = sample.verdict === "pass";
  const occurredAt = now - 180 * MICROS_PER_SECOND;
  return {
    eventId: "1",
    source: "testpress",
    kind,
    type,
    attemptId: "68701",
    attemptNo: 1,
    revision: 1,
    change: null,
    occurredAt,
    occurredAtApproximate: false,
    detectedAt: now,
    student: { id: "7713", name: "Student 17", username: "student17", nameIsShared: false },
    activityId: isExam ? "133" : "271",
    title: isExam ? "Rank Test 12 – Electrostatics" : "Coulomb's law",
    course: "Physics",
    chapter: "Electrostatics",
    contentType: isExam ? null : "Video",
    metadata: {
      graded: finishedExam ? graded : null,
      verdict: sample.verdict,
      score: graded ? (passed ? 148 : 41) : null,
      score_max: isExam ? 180 : null,
      percentage: graded ? (passed ? 82 : 23) : null,
      pass_percentage: isExam ? 40 : null,
      correct: graded ? (passed ? 38 : 12) : null,
      incorrect: graded ? (passed ? 4 : 7) : null,
      unanswered: graded ? (passed ? 3 : 26) : null,
      started_at: formatUtc(occurredAt - 7920 * MICROS_PER_SECOND),
      time_taken_s: finishedExam ? 7920 : null,
      duration_allowed_s: isExam ? 10800 : null,
      watched_percentage: sample.watchedPercentage,
      result: graded ? (passed ? "Pass" : "Fail") : null,
      state: stage === "started" ? "Started" : "Completed",
      revision: 1,
      supersedes: null,
      previous: null,
    },
    previousTold: null,
    alsoTold: [],
    marker: "k7q2m9fd3xwp4t8s",
    ref: "k7q2m",
  };
}
