import assert from "node:assert/strict";
import { type DeliveryIdentity, deliveryMarker, markersIn } from "../../lib/model/marker.ts";

const EXAM: DeliveryIdentity = {
  source: "testpress",
  kind: "exam",
  attemptId: "68701",
  incarnation: 1,
  studentId: "7713",
  activityId: "133",
  stage: "finished",
  revision: 1,
  recipient: "mentor:3",
};

Deno.test("P12: markers of the first attempt under a row id are those that version 0.1 sent", () => {
  // Written by 0.1: another value here would make every state tell its open deliveries a second time.
  assert.equal(deliveryMarker(EXAM), "ezzca7ip3j2uc345");
  assert.equal(deliveryMarker({ ...EXAM, stage: "started" }), "6i2q3n74aw6jfn58");
  const content = { ...EXAM, kind: "content" as const, attemptId: "9007199254740993", revision: 2 };
  assert.equal(deliveryMarker({ ...content, recipient: "channel:mentors/unmatched mentors" }), "swgfhakc3m5njeun");
});

Deno.test("P12: who the student is does not count in the first marker, as it may become known later", () => {
  assert.equal(deliveryMarker({ ...EXAM, studentId: null, activityId: null }), deliveryMarker(EXAM));
});

Deno.test("P12: from the second attempt on a marker covers student, activity and the count", () => {
  const second = { ...EXAM, incarnation: 2 };
  const others = [
    EXAM,
    second,
    { ...second, incarnation: 3 },
    { ...second, studentId: "7008" },
    { ...second, studentId: null },
    { ...second, activityId: "134" },
    { ...second, revision: 2 },
    { ...second, stage: "started" as const },
    { ...second, recipient: "mentor:4" },
  ];
  assert.equal(new Set(others.map(deliveryMarker)).size, others.length);
  assert.deepEqual(markersIn(`[attempt](https://x.example/a#n=${deliveryMarker(second)})`), [deliveryMarker(second)]);
  // Fixed like the first: what was sent must be found again.
  assert.equal(deliveryMarker(second), "tsm5tq6aigurckfk");
});
