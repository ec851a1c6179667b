import assert from "node:assert/strict";
import { begin, resume } from "./pauses_by_hand.ts";
import { type Pause, pausedUntil, type PauseScope } from "../../lib/tell/pauses.ts";
import { HOUR_US, outboxTest } from "./outbox_fixture.ts";

const NOW = 1_795_166_100_000_000;
const pause = (scope: PauseScope, subjectId: string | null, until: number | null): Pause => (
  { pauseId: "1", scope, subjectId, until, reason: "r", since: NOW }
);

Deno.test("pausedUntil() is the end of the last pause that covers a delivery, and never of a notice", () => {
  const delivery = { recipient: "mentor:3", kind: "exam", studentId: "17", activityId: "7" };
  const ends = (pauses: Pause[], of = delivery) => pausedUntil(of, pauses, NOW);
  assert.equal(ends([]), null);
  assert.equal(ends([pause("all", null, NOW + 5), pause("mentor", "3", NOW + 9)]), NOW + 9);
  assert.equal(
    ends([pause("mentor", "4", NOW + 5), pause("student", "18", NOW + 5), pause("exam", "8", NOW + 5)]),
    null,
  );
  assert.equal(ends([pause("exam", "7", NOW + 5)], { ...delivery, kind: "content" }), null);
  assert.ok((ends([pause("student", "17", null)]) ?? 0) > NOW);
  assert.equal(ends([pause("all", null, null)], { ...delivery, recipient: "admin" }), null);
});

outboxTest(
  "a pause keeps everything; afterwards it is told as after an outage: one message, with the delay",
  async (box) => {
    const three = await box.mentor(3);
    const notifier = box.notifier();
    await begin(box, "all", null);
    await box.event({ type: "content_watched", student: 20, mentors: [3] });
    await box.event({ student: 13, mentors: [3] });
    for (let hour = 0; hour < 3; hour++) {
      const round = await box.round(notifier);
      assert.deepEqual([round.sent, round.waiting, round.trouble], [0, 2, null]);
      box.clock.advance(3_600_000 + 1000);
    }
    assert.deepEqual(await box.states(), ["1 mentor:3 waiting paused", "2 mentor:3 waiting paused"]);
    await resume(box, "all", null);
    assert.equal((await box.round(notifier)).messages, 1);
    const [message = ""] = box.contents(three);
    assert.match(message, /3 h/);
    assert.ok(message.indexOf("13") < message.indexOf("20"), message);
  },
);

outboxTest("a pause of a mentor, a student or an exam covers that alone, and ends by itself", async (box) => {
  const [three, four] = [await box.mentor(3), await box.mentor(4)];
  const notifier = box.notifier();
  await begin(box, "mentor", "3", box.clock.now() + HOUR_US);
  await begin(box, "student", "18", box.clock.now() + 2 * HOUR_US);
  await box.event({ student: 17, mentors: [3, 4] });
  await box.event({ student: 18, mentors: [4] });
  await box.round(notifier);
  assert.deepEqual([box.contents(three).length, box.contents(four).length], [0, 1]);
  box.clock.advance(3_600_000 + 1000);
  await box.round(notifier);
  assert.deepEqual([box.contents(three).length, box.contents(four).length], [1, 1]);
  box.clock.advance(3_600_000);
  await box.round(notifier);
  assert.deepEqual(await box.states(), ["1 mentor:3 sent", "1 mentor:4 sent", "2 mentor:4 sent"]);
});

outboxTest(
  "what was composed before a pause does not leave during it, and what was in doubt goes out once",
  async (box) => {
    const three = await box.mentor(3);
    const notifier = box.notifier();
    await box.event({ student: 17, mentors: [3] });
    box.standIn.fault({ kind: "500_before_commit" });
    await box.round(notifier);
    assert.deepEqual(await box.states(), ["1 mentor:3 unknown"]);
    await begin(box, "all", null, box.clock.now() + 5 * HOUR_US);
    await box.event({ student: 18, mentors: [3] });
    for (let i = 0; i < 4; i++) {
      box.clock.advance(600_000);
      await box.round(notifier);
    }
    assert.equal(box.contents(three).length, 0);
    assert.deepEqual(await box.states(), ["1 mentor:3 pending", "2 mentor:3 waiting paused"]);
    box.clock.advance(5 * 3_600_000);
    await box.round(notifier);
    await box.round(notifier);
    assert.deepEqual(await box.states(), ["1 mentor:3 sent", "2 mentor:3 sent"]);
    assert.equal(box.contents(three).length, 2);
  },
);
