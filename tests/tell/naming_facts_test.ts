import assert from "node:assert/strict";
import { lastOfEach } from "../../lib/tell/naming_facts.ts";
import type { NewestEventRow } from "../../sql/state/history.ts";

Deno.test("the last facts of a weekly message are the last tries, also those that the LMS keeps in one row", () => {
  const row = (event_id: number, changes: Partial<NewestEventRow>): NewestEventRow => ({
    event_id: String(event_id),
    student_id: "7",
    event_type: "exam_failed",
    attempt_id: "5",
    incarnation: 1,
    kind: "exam",
    stage: "finished",
    revision: 1,
    change: null,
    attempt_no: null,
    timestamp: Temporal.Instant.from("2026-11-20T10:00:00Z").add({ minutes: event_id }),
    activity_id: "3",
    activity_title: null,
    course_id: null,
    course: null,
    activity_metadata: {},
    ...changes,
  });
  const newestFirst = [
    row(6, { incarnation: 2, revision: 2, change: "score" }),
    row(5, { incarnation: 2 }),
    row(4, { kind: "assignment" }),
    row(3, {}),
    row(2, { event_type: "exam_started", stage: "started" }),
    row(1, { attempt_id: "4" }),
  ];
  assert.deepEqual(lastOfEach(newestFirst).map(({ event_id }) => event_id), ["6", "4", "3"]);
});
