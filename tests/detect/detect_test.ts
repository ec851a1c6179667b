import assert from "node:assert/strict";
import { detect, metadataOf } from "../../lib/detect/detect.ts";
import { type AttemptRow } from "../../lib/model/attempt.ts";
import type { DetectedEvent } from "../../lib/model/event.ts";
import { EVENT_TYPES, type EventType, factsOf } from "../../lib/model/event_types.ts";
import { at, contentRow, examRow, finishedContent, finishedExam, follow, NOW } from "./rows.ts";

const literals: [string, AttemptRow, EventType | null][] = [
  ["exam not started", examRow({ progress: "not_started" }), null],
  ["exam running", examRow(), "exam_started"],
  ["exam finished, pass", finishedExam(), "exam_passed"],
  ["exam finished, fail", finishedExam({ verdict: "fail" }), "exam_failed"],
  ["exam finished, no verdict", finishedExam({ verdict: null }), "exam_completed"],
  ["exam unknown", examRow({ progress: "unknown" }), null],
  ["content not started", contentRow({ progress: "not_started" }), null],
  ["content running", contentRow(), "content_started"],
  ["content finished, watchable", finishedContent(), "content_watched"],
  ["content finished, other", finishedContent({ watchable: false }), "content_completed"],
  ["content unknown", contentRow({ progress: "unknown" }), null],
];
Deno.test("every event type that an attempt can have comes out of detect(), at the stage of its record", () => {
  const found = literals.map(([, row]) => detect(null, row, NOW).event).filter((event) => event !== null);
  assert.deepEqual(new Set(found.map(({ type }) => type)), new Set(EVENT_TYPES));
  for (const { type, stage } of found) assert.equal(stage, factsOf(type).stage, type);
});

for (const [name, row, type] of literals) {
  Deno.test(`detect() gives ${type ?? "no event"} for a new row: ${name}`, () => {
    const { event, after, changed } = detect(null, row, NOW);
    assert.equal(event?.type ?? null, type);
    assert.equal(after.open, row.progress !== "finished");
    assert.equal(after.seenOpen, row.progress === "running" || row.progress === "not_started");
    assert.equal(changed, true);
  });
}

Deno.test("detect() reports nothing while a reported verdict is null, and goes on from what was reported", () => {
  const graded = finishedExam({ verdict: "fail", score: 41, percentage: 23 });
  const taken = finishedExam({ verdict: null, score: 99, percentage: 55 });
  const { events, state } = follow([graded, taken]);
  assert.equal(events.length, 1);
  assert.deepEqual(state?.reported, { verdict: "fail", score: 41, percentage: 23 });
  assert.deepEqual(follow([graded, taken, { ...graded, hash: "back" }]).types, ["exam_failed"]);
  const now = follow([graded, taken, finishedExam()]).events[1];
  assert.deepEqual([now?.change, now?.previous], ["verdict", { verdict: "fail", score: 41, percentage: 23 }]);
});

Deno.test("detect() takes a score or percentage that turns null as unknown, not as news", () => {
  assert.deepEqual(follow([finishedExam(), finishedExam({ score: null, percentage: null })]).types, ["exam_passed"]);
  assert.deepEqual(follow([finishedExam(), finishedExam({ score: null }), finishedExam()]).types, ["exam_passed"]);
});

Deno.test("detect() reports a score that was unknown at first", () => {
  const { events } = follow([finishedExam({ score: null }), finishedExam({ score: 0 })]);
  assert.deepEqual(events.map((e) => e.change), [null, "score"]);
});

Deno.test("detect() gives a score revision for an ungraded finish, and ignores its placeholder percentage", () => {
  const ungraded = { verdict: null, percentage: 0 };
  const { events } = follow([
    finishedExam({ ...ungraded, score: 10 }),
    finishedExam({ ...ungraded, score: 10, percentage: 5 }),
    finishedExam({ ...ungraded, score: 12 }),
  ]);
  assert.deepEqual(events.map((e) => [e.type, e.revision, e.change]), [
    ["exam_completed", 1, null],
    ["exam_completed", 2, "score"],
  ]);
});

Deno.test("detect() tells numbers apart, but not what a float column does to one", () => {
  const next = (percentage: number) => follow([finishedExam({ percentage: 82 }), finishedExam({ percentage })]).types;
  assert.equal(next(82.0).length, 1);
  assert.equal(next(82.000000000001).length, 1);
  assert.equal(next(82.1).length, 2);
  assert.equal(next(82.0001).length, 2);
  assert.equal(next(0).length, 2);
});

Deno.test("detect() never corrects content", () => {
  const { types } = follow([finishedContent(), finishedContent({ score: 5, percentage: 7, verdict: "pass" })]);
  assert.deepEqual(types, ["content_watched"]);
});

Deno.test("detect() reports the values of a finish that comes after a regression", () => {
  const { events } = follow([finishedExam(), examRow({ score: 3 }), finishedExam({ verdict: "fail" })]);
  assert.deepEqual(events.map((e) => [e.type, e.change]), [["exam_passed", null], ["exam_failed", "verdict"]]);
});

Deno.test("detect() dates a finish without a time by start and time taken, not after it was seen", () => {
  const date = (values: Partial<AttemptRow>) => {
    const { event } = detect(null, finishedExam({ finishedAt: null, lastStartedAt: null, ...values }), NOW);
    assert.equal(event?.occurredAtApproximate, true);
    return event?.occurredAt;
  };
  assert.equal(date({ timeTakenS: 1800.5 }), at("2026-11-20T09:30:00.5Z"));
  assert.equal(date({}), at("2026-11-20T09:00:00Z"));
  assert.equal(date({ timeTakenS: 60, lastStartedAt: at("2026-11-20T09:40:00Z") }), at("2026-11-20T09:40:00Z"));
  assert.equal(date({ timeTakenS: 86_400 }), NOW);
  assert.equal(date({ startedAt: null, timeTakenS: 60 }), NOW);
});

Deno.test("detect() keeps the last event's id and the first sight as open", () => {
  const { after } = detect(null, examRow(), NOW);
  const known = { ...after, lastEventId: "42" };
  const next = detect(known, examRow(), NOW);
  assert.deepEqual([next.after.lastEventId, next.after.seenOpen, next.changed], ["42", true, true]);
});

Deno.test("detect() cuts a hostile word in the reason", () => {
  const { quarantine } = detect(null, examRow({ progress: "unknown", state: `\ud83d"\n${"x".repeat(5000)}` }), NOW);
  assert.ok(quarantine !== null && quarantine.length < 200 && quarantine.isWellFormed() && !quarantine.includes("\n"));
});

Deno.test("metadataOf() has every key of the contract, for every kind of event", () => {
  const keys = [
    ...["graded", "verdict", "score", "score_max", "percentage", "pass_percentage", "correct", "incorrect"],
    ...["unanswered", "started_at", "time_taken_s", "duration_allowed_s", "watched_percentage", "result", "state"],
    ...["revision", "supersedes", "previous"],
  ];
  for (const row of [examRow(), finishedExam(), contentRow(), finishedContent()]) {
    assert.deepEqual(Object.keys(metadataOf(row, detect(null, row, NOW).event as DetectedEvent)), keys);
  }
});

Deno.test("metadataOf() gives a finish its numbers, and a start none that belong to a finish", () => {
  const numbers = { score: 148, percentage: 82, correct: 38, incorrect: 4, unanswered: 3, timeTakenS: 7920.5 };
  const done = finishedExam(numbers);
  assert.deepEqual(metadataOf(done, detect(null, done, NOW).event as DetectedEvent), {
    graded: true,
    verdict: "pass",
    score: 148,
    score_max: 180,
    percentage: 82,
    pass_percentage: 40,
    correct: 38,
    incorrect: 4,
    unanswered: 3,
    started_at: "2026-11-20T09:00:00.000000Z",
    time_taken_s: 7920.5,
    duration_allowed_s: 10_800,
    watched_percentage: null,
    result: "Pass",
    state: "Completed",
    revision: 1,
    supersedes: null,
    previous: null,
  });
  const running = examRow({ ...numbers, score: 0, percentage: 0, result: "NA" });
  const start = metadataOf(running, detect(null, running, NOW).event as DetectedEvent);
  assert.deepEqual(
    [start.graded, start.score, start.percentage, start.correct, start.time_taken_s, start.score_max, start.result],
    [null, null, null, null, null, 180, "NA"],
  );
  const watched = finishedContent({ watchedPercentage: 97 });
  const seen = metadataOf(watched, detect(null, watched, NOW).event as DetectedEvent);
  assert.deepEqual([seen.graded, seen.watched_percentage], [null, 97]);
});

Deno.test("detect() dates the finish of a row it saw running, of which only the start is known, at the poll that saw it", () => {
  const start = NOW - 3600e6;
  const running = contentRow({ startedAt: start, lastStartedAt: null });
  const open = detect(null, running, NOW).after;
  const done = detect(open, { ...running, hash: "2", progress: "finished" }, NOW + 60e6).event;
  assert.deepEqual([done?.occurredAt, done?.occurredAtApproximate], [NOW + 60e6, true]);
  const unseen = detect(null, { ...running, hash: "2", progress: "finished" }, NOW + 60e6).event;
  assert.equal(unseen?.occurredAt, start, "a row first seen finished is as old as what is known of it");
});
