import assert from "node:assert/strict";
import { detect, metadataOf } from "../../lib/detect/detect.ts";
import type { DetectedEvent } from "../../lib/model/event.ts";
import { at, contentRow, examRow, finishedContent, finishedExam, follow, NOW } from "./rows.ts";

const only = (events: readonly DetectedEvent[]): DetectedEvent => {
  assert.equal(events.length, 1);
  return events[0] as DetectedEvent;
};

Deno.test("a row first seen completed gives the completion only, with its start in the metadata", () => {
  const row = finishedExam();
  const event = only(follow([row]).events);
  assert.equal(event.type, "exam_passed");
  assert.equal(event.firstSeen, true);
  assert.equal(metadataOf(row, event).started_at, "2026-11-20T09:00:00.000000Z");
  assert.deepEqual(follow([finishedContent({ watchable: false, contentType: "notes" })]).types, ["content_completed"]);
});

Deno.test("running to completed on the same id months later is one start and one finish", () => {
  const started = at("2023-01-23T06:05:37Z");
  const { events } = follow([
    examRow({ startedAt: started }),
    examRow({ startedAt: started }),
    finishedExam({ startedAt: started, finishedAt: at("2023-04-02T09:57:59.639308Z") }),
  ]);
  assert.deepEqual(events.map((e) => [e.type, e.firstSeen]), [["exam_started", true], ["exam_passed", false]]);
  assert.equal(events[1]?.occurredAt, at("2023-04-02T09:57:59.639308Z"));
});

Deno.test("a row new to lmsmon is an event whatever its date and id", () => {
  const event = only(follow([finishedExam({ id: "3", finishedAt: at("2021-03-16T03:59:21Z") })]).events);
  assert.deepEqual([event.attemptId, event.revision, event.firstSeen], ["3", 1, true]);
});

Deno.test("a resume is no second start", () => {
  const resumed = examRow({ lastStartedAt: at("2026-11-20T09:30:00Z") });
  assert.deepEqual(follow([examRow(), resumed, examRow({ timeTakenS: 60 })]).types, ["exam_started"]);
});

Deno.test("a retake is another attempt row, with events of its own", () => {
  const first = follow([examRow({ id: "31823" }), finishedExam({ id: "31823" })]);
  const retake = follow([examRow({ id: "33827" }), finishedExam({ id: "33827" })]);
  assert.deepEqual(first.types, retake.types);
  assert.notEqual(first.events[0]?.attemptId, retake.events[0]?.attemptId);
});

Deno.test("a corrected result is the next revision, with what was reported before", () => {
  const { events, state } = follow([
    finishedExam({ verdict: "fail", score: 41, percentage: 23 }),
    finishedExam({ verdict: "pass", score: 73, percentage: 41 }),
    finishedExam({ verdict: "pass", score: 74, percentage: 41 }),
  ]);
  assert.deepEqual(
    events.map((e) => [e.type, e.revision, e.change, e.previous]),
    [
      ["exam_failed", 1, null, null],
      ["exam_passed", 2, "verdict", { verdict: "fail", score: 41, percentage: 23 }],
      ["exam_passed", 3, "score", { verdict: "pass", score: 73, percentage: 41 }],
    ],
  );
  assert.deepEqual(state?.reported, { verdict: "pass", score: 74, percentage: 41 });
  assert.deepEqual(events.map((e) => e.firstSeen), [true, false, false]);
});

Deno.test("another hash with the same reported values is no event (percentile, counts, times, titles)", () => {
  const later = finishedExam({ correct: 3, timeTakenS: 5, finishedAt: NOW, activity: null, result: "Passed" });
  assert.deepEqual(follow([finishedExam(), later]).types, ["exam_passed"]);
});

for (const result of ["Not taken", "NA", null, "Something new"]) {
  Deno.test(`completed with result ${result} is a neutral completion without a percentage`, () => {
    const row = finishedExam({ verdict: null, result, score: 90, percentage: 0 });
    const event = only(follow([row]).events);
    assert.equal(event.type, "exam_completed");
    const { graded, verdict, percentage, score } = metadataOf(row, event);
    assert.deepEqual({ graded, verdict, percentage, score }, {
      graded: false,
      verdict: null,
      percentage: null,
      score: 90,
    });
  });
}

Deno.test("pending evaluation is completed now, and its result comes later, once", () => {
  const pending = finishedExam({ state: "Pending Evaluation", verdict: null, score: null, percentage: 0 });
  const { events } = follow([examRow(), pending, finishedExam({ state: "Evaluation Completed" }), finishedExam()]);
  assert.deepEqual(events.map((e) => [e.type, e.revision, e.change]), [
    ["exam_started", 1, null],
    ["exam_completed", 1, null],
    ["exam_passed", 2, "first_result"],
  ]);
  const content = [
    finishedContent({ state: "Pending Evaluation", watchable: false }),
    finishedContent({ state: "Evaluation Completed", watchable: false }),
  ];
  assert.deepEqual(follow(content).types, ["content_completed"]);
});

Deno.test("a mark that was reported without a verdict is a result, and its verdict later a change of it", () => {
  const marked = finishedExam({ verdict: null, graded: true });
  const { events } = follow([examRow(), marked, finishedExam({ graded: true })]);
  assert.deepEqual(events.map((e) => [e.type, e.revision, e.change]), [
    ["exam_started", 1, null],
    ["exam_completed", 1, null],
    ["exam_passed", 2, "verdict"],
  ]);
});

Deno.test("a lower stage is counted once and told never, and the row is open again", () => {
  const back = examRow();
  const { types, state, regressions } = follow([finishedExam(), back, back]);
  assert.deepEqual(types, ["exam_passed"]);
  assert.equal(regressions, 1);
  assert.deepEqual([state?.stage, state?.open, state?.revision], ["finished", true, 1]);
  const flapping = follow([examRow(), examRow({ progress: "not_started" }), examRow(), finishedExam()]);
  assert.deepEqual(flapping.types, ["exam_started", "exam_passed"]);
  assert.equal(flapping.regressions, 1);
  assert.deepEqual(follow([finishedExam(), examRow(), finishedExam()]).types, ["exam_passed"]);
});

Deno.test("an unknown word quarantines the row, which stays open and is never taken as finished", () => {
  const odd = examRow({ progress: "unknown", state: "did-not-finish" });
  const first = detect(null, odd, NOW);
  assert.equal(first.event, null);
  assert.match(first.quarantine ?? "", /did-not-finish/);
  assert.deepEqual([first.after.stage, first.after.open, first.after.seenOpen], ["none", true, false]);
  assert.deepEqual(follow([odd, finishedExam()]).types, ["exam_passed"]);
  assert.deepEqual(follow([finishedExam(), odd, finishedExam()]).types, ["exam_passed"]);
  assert.equal(detect(first.after, odd, NOW).changed, false, "stored once, not in every poll");
});

Deno.test("a row whose word only a later version knows is no news because of that", () => {
  assert.equal(only(follow([examRow({ progress: "unknown", state: "7" }), finishedExam()]).events).firstSeen, true);
  assert.match(follow([examRow({ progress: "unknown", state: null })]).quarantines[0] ?? "", /null/);
});

Deno.test("without any time of the LMS an event happened when it was seen, marked approximate", () => {
  const none = { startedAt: null, lastStartedAt: null, finishedAt: null };
  for (const row of [examRow(none), finishedExam(none), contentRow(none)]) {
    const event = only(follow([row]).events);
    assert.deepEqual([event.occurredAt, event.occurredAtApproximate], [NOW, true]);
  }
  const resumed = only(follow([examRow({ startedAt: null })]).events);
  assert.deepEqual([resumed.occurredAt, resumed.occurredAtApproximate], [at("2026-11-20T09:00:00Z"), true]);
  const notStarted = follow([examRow({ ...none, progress: "not_started", state: "Not Started" }), examRow(none)]);
  assert.deepEqual(notStarted.events.map((e) => [e.type, e.firstSeen]), [["exam_started", false]]);
});

Deno.test("a row without a student, an exam or a title gives its event like any other", () => {
  const row = finishedExam({ studentId: null, studentUsername: "admin", activityId: null, activity: null });
  const event = only(follow([row]).events);
  assert.equal(event.type, "exam_passed");
  assert.equal(metadataOf(row, event).score_max, null);
});

Deno.test("a deleted row keeps its state, marked missing since the first time", () => {
  const { state, types } = follow([examRow(), null, null]);
  assert.deepEqual(types, ["exam_started"]);
  assert.deepEqual([state?.hash, state?.open, state?.missingSince, state?.stage], [null, false, NOW, "started"]);
});

Deno.test("a row that is back gives no event again, unless its values changed", () => {
  assert.deepEqual(follow([finishedExam(), null, finishedExam()]).types, ["exam_passed"]);
  assert.equal(follow([finishedExam(), null, finishedExam()]).state?.missingSince, null);
  assert.deepEqual(follow([examRow(), null, examRow(), null, finishedExam()]).types, ["exam_started", "exam_passed"]);
  assert.equal(follow([finishedExam(), null, finishedExam({ score: 150 })]).events[1]?.change, "score");
});

Deno.test("a content attempt that mirrors an exam attempt gives no event, but is known", () => {
  const mirror = { mirrorsExam: true, watchable: false, contentType: "assessment" };
  const { types, state } = follow([contentRow(mirror), finishedContent(mirror), finishedContent({ watchable: false })]);
  assert.deepEqual(types, []);
  assert.deepEqual([state?.stage, state?.open], ["finished", false]);
});

Deno.test("video progress is no event; the finish is watched, once", () => {
  const { types } = follow([
    contentRow({ watchedPercentage: 0 }),
    contentRow({ watchedPercentage: 40 }),
    finishedContent({ watchedPercentage: 95, state: "Started" }),
    finishedContent({ watchedPercentage: 100 }),
  ]);
  assert.deepEqual(types, ["content_started", "content_watched"]);
});

Deno.test("odd times are taken as the LMS has them, and no duration is negative", () => {
  for (const finishedAt of [at("1970-01-01T00:00:00Z"), at("2026-11-20T08:59:59.999Z"), NOW]) {
    const row = finishedExam({ finishedAt, timeTakenS: -5 });
    const event = only(follow([row]).events);
    assert.deepEqual([event.occurredAt, event.occurredAtApproximate], [finishedAt, false]);
    assert.equal(metadataOf(row, event).time_taken_s, null);
  }
  const backwards = finishedExam({ finishedAt: null, timeTakenS: -3600 });
  assert.equal(only(follow([backwards]).events).occurredAt, at("2026-11-20T09:00:00Z"));
  // Nothing happened after it was seen: the LMS's clock is ahead.
  for (const ahead of [finishedExam({ finishedAt: NOW + 1 }), examRow({ startedAt: at("2030-01-01T00:00:00Z") })]) {
    const event = only(follow([ahead]).events);
    assert.deepEqual([event.occurredAt, event.occurredAtApproximate], [NOW, true]);
  }
  const future = finishedExam({ finishedAt: null, startedAt: at("2031-01-01T00:00:00Z") });
  assert.equal(only(follow([future]).events).occurredAt, NOW);
});

Deno.test("a time taken that could not be read is unknown, and the finish approximate", () => {
  for (const timeTakenS of [null, Number.NaN, Number.POSITIVE_INFINITY]) {
    const row = finishedExam({ finishedAt: null, timeTakenS, lastStartedAt: at("2026-11-20T09:20:00Z") });
    const event = only(follow([row]).events);
    assert.deepEqual([event.occurredAt, event.occurredAtApproximate], [at("2026-11-20T09:20:00Z"), true]);
    assert.equal(metadataOf(row, event).time_taken_s, null);
  }
});

Deno.test("the same row again gives nothing and changes nothing", () => {
  for (
    const row of [examRow(), finishedExam(), contentRow(), finishedContent(), examRow({ progress: "not_started" })]
  ) {
    const { after } = detect(null, row, NOW);
    const again = detect(after, row, NOW + 1);
    assert.deepEqual([again.event, again.changed, again.after], [null, false, after]);
  }
});
