import assert from "node:assert/strict";
import fc from "fast-check";
import { detect, missing } from "../../lib/detect/detect.ts";
import type { AttemptRow, RowState } from "../../lib/model/attempt.ts";
import type { DetectedEvent } from "../../lib/model/event.ts";
import { at, contentRow, examRow, finishedContent, finishedExam, follow, NOW } from "./rows.ts";

const said = (events: readonly DetectedEvent[]) =>
  events.map((e) => [e.type, e.incarnation, e.revision, e.change, e.previous, e.firstSeen]);

Deno.test("P12: an id that is used again for another student and exam is a new attempt, without the other's values", () => {
  const { events, state } = follow([
    finishedExam({ studentId: "7002", activityId: "5", score: 85 }),
    null,
    finishedExam({ studentId: "7008", activityId: "6", verdict: "fail", score: 11, percentage: 6 }),
  ]);
  assert.deepEqual(said(events), [
    ["exam_passed", 1, 1, null, null, true],
    ["exam_failed", 2, 1, "reused", null, true],
  ]);
  assert.deepEqual(state?.reported, { verdict: "fail", score: 11, percentage: 6 });
  assert.deepEqual([state?.studentId, state?.activityId, state?.incarnation, state?.revision], ["7008", "6", 2, 1]);
  assert.deepEqual([state?.missingSince, state?.missingAtPass, state?.lastEventId], [null, null, null]);
});

for (const [what, change] of [["student", { studentId: "7008" }], ["exam", { activityId: "134" }]] as const) {
  Deno.test(`P12: another ${what} with equal verdict and score is an event`, () => {
    assert.deepEqual(said(follow([finishedExam(), null, finishedExam(change)]).events).at(-1), [
      ...["exam_passed", 2, 1, "reused", null, true],
    ]);
  });

  Deno.test(`P12: a row edited in place for another ${what} is a new attempt`, () => {
    const { events } = follow([finishedExam(), finishedExam({ ...change, score: 11 })]);
    assert.deepEqual(events.map((e) => [e.incarnation, e.revision, e.previous]), [[1, 1, null], [2, 1, null]]);
  });
}

Deno.test("P12: a reused row that runs gives its start, and later its finish and corrections as any attempt", () => {
  const other = { studentId: "7008" };
  const { events } = follow([
    finishedExam(),
    examRow(other),
    finishedExam({ ...other, verdict: "fail", score: 11 }),
    finishedExam({ ...other, verdict: "pass", score: 90 }),
  ]);
  assert.deepEqual(said(events).slice(1), [
    ["exam_started", 2, 1, "reused", null, true],
    ["exam_failed", 2, 1, null, null, false],
    ["exam_passed", 2, 2, "verdict", { verdict: "fail", score: 11, percentage: 82 }, false],
  ]);
});

Deno.test("P12: content attempts are reused, too: completed again by another student, or another content", () => {
  const { events } = follow([
    finishedContent(),
    finishedContent({ studentId: "7008" }),
    contentRow({ studentId: "7008", activityId: "9" }),
  ]);
  assert.deepEqual(events.map((e) => [e.type, e.incarnation, e.revision]), [
    ["content_watched", 1, 1],
    ["content_watched", 2, 1],
    ["content_started", 3, 1],
  ]);
});

Deno.test("P12: a reused row that only mirrors an exam attempt tells nothing", () => {
  const { types, state } = follow([
    finishedContent({ mirrorsExam: true }),
    finishedContent({ mirrorsExam: true, studentId: "7008" }),
  ]);
  assert.deepEqual([types, state?.incarnation], [[], 2]);
});

Deno.test("P12: a student or activity that becomes known, or unknown, is the same attempt, silently", () => {
  const unknown = { studentId: null, activityId: null };
  const { events, state } = follow([finishedExam(unknown), finishedExam(), finishedExam(unknown)]);
  assert.equal(events.length, 1);
  assert.deepEqual([state?.studentId, state?.activityId, state?.incarnation], ["7713", "133", 1]);
  // What was known is not forgotten by a blank in between.
  assert.equal(follow([finishedExam(), finishedExam(unknown), finishedExam({ studentId: "7008" })]).events.length, 2);
  const later = detect(detect(null, examRow(unknown), NOW).after, examRow(unknown), NOW);
  assert.equal(later.after.studentId, null);
  // Stored once, though nothing else changed: an open row is looked at in every poll.
  const row = examRow();
  const known = detect({ ...detect(null, row, NOW).after, studentId: null }, row, NOW);
  assert.deepEqual([known.changed, known.event, known.after.studentId], [true, null, "7713"]);
  assert.equal(detect(known.after, row, NOW).changed, false);
});

Deno.test("P12: a reused row in an unknown state is quarantined without the other's values", () => {
  const odd = examRow({ studentId: "7008", progress: "unknown", state: "Teleported" });
  const first = detect(detect(null, finishedExam(), NOW).after, odd, NOW);
  assert.deepEqual([first.event, first.regression, first.after.stage, first.after.revision], [null, false, "none", 0]);
  assert.deepEqual(first.after.reported, { verdict: null, score: null, percentage: null });
  const healed = detect(first.after, finishedExam({ studentId: "7008", score: 11 }), NOW);
  assert.deepEqual(healed.event && said([healed.event]), [["exam_passed", 2, 1, "reused", null, true]]);
});

Deno.test("P12: a reused row obeys max_age: what lmsmon saw of the other attempt does not make it news", () => {
  const old = finishedExam({ studentId: "7008", finishedAt: at("2024-01-01T00:00:00Z") });
  assert.equal(follow([examRow(), old]).events.at(-1)?.firstSeen, true);
  // Without a time of its own it is dated by its start, as a row first seen finished is.
  const undated = finishedExam({
    ...{ studentId: "7008", finishedAt: null, timeTakenS: null, lastStartedAt: null },
    startedAt: at("2024-01-01T00:00:00Z"),
  });
  assert.equal(follow([examRow(), undated]).events.at(-1)?.occurredAt, at("2024-01-01T00:00:00Z"));
});

const version = fc.record({
  studentId: fc.constantFrom("1", "2", null),
  activityId: fc.constantFrom("10", "20", null),
  progress: fc.constantFrom("not_started", "running", "finished", "finished", "finished", "unknown" as const),
  verdict: fc.constantFrom("pass", "fail", null),
  score: fc.constantFrom(null, 11, 85),
}) as fc.Arbitrary<Pick<AttemptRow, "studentId" | "activityId" | "progress" | "verdict" | "score">>;

Deno.test("P12: no event ever carries what was reported of another student or activity", () => {
  const kinds = fc.constantFrom(examRow, contentRow);
  const rows = fc.array(fc.option(version), { maxLength: 25 });
  fc.assert(
    fc.property(kinds, rows, (make, versions) => {
      let state: RowState | null = null;
      // The values of every attempt so far, by what the row said of itself; a blank belongs to whoever came before.
      let owner: { studentId: string | null; activityId: string | null; values: string[]; revision: number } | null =
        null;
      let owners = 0;
      for (const v of versions) {
        if (v === null) {
          if (state !== null) state = missing(state, NOW, 1);
          continue;
        }
        const other = (a: string | null | undefined, b: string | null) => a != null && b !== null && a !== b;
        if (owner === null || other(owner.studentId, v.studentId) || other(owner.activityId, v.activityId)) {
          owner = { studentId: v.studentId, activityId: v.activityId, values: [], revision: 0 };
          owners++;
        }
        owner.studentId ??= v.studentId;
        owner.activityId ??= v.activityId;
        const { event, after }: ReturnType<typeof detect> = detect(state, make({ ...v, id: "2" }), NOW);
        state = after;
        assert.deepEqual([after.incarnation, after.studentId, after.activityId], [
          ...[owners, owner.studentId, owner.activityId],
        ]);
        if (event === null) continue;
        assert.equal(event.incarnation, owners);
        if (event.stage === "finished") assert.equal(event.revision, ++owner.revision, "revisions begin anew");
        if (event.previous !== null) assert.ok(owner.values.includes(JSON.stringify(event.previous)));
        assert.equal(event.previous === null, event.revision === 1);
        if (event.stage === "finished") owner.values.push(JSON.stringify(after.reported));
      }
    }),
    { numRuns: 2000 },
  );
});
