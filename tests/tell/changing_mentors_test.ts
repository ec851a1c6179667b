import assert from "node:assert/strict";
import { HOUR_US, MINUTE_US, outboxTest, SOURCE } from "./outbox_fixture.ts";

// Who is a mentor changes while something waits for its time.

const GATHER = { notify: { gatherMs: 600_000 } };
const SHARED = { email: "office@inst.example" };
const FALLBACK = { channel: "mentors", topic: "unmatched" };

outboxTest(
  "P4: of two mentors with one account the second is told when the first, who was to be, is no mentor any more",
  async (box) => {
    const office = await box.mentor(3, SHARED);
    await box.mentor(4, SHARED);
    await box.link(17, [3, 4]);
    const notifier = box.notifier();
    await box.event({ student: 16, mentors: [3] });
    await box.round(notifier);
    await box.event({ type: "exam_failed", student: 17, mentors: [3, 4] });
    await box.round(notifier);
    const waiting = ["2 mentor:3 waiting gathering", "2 mentor:4 waiting gathering"];
    assert.deepEqual((await box.states()).slice(1), waiting);
    await box.round(notifier);
    assert.deepEqual((await box.states()).slice(1), waiting);
    await box.link(17, [4]);
    box.clock.advance(601_000);
    await box.round(notifier);
    assert.deepEqual((await box.states()).slice(1), ["2 mentor:3 suppressed no_longer_mentor", "2 mentor:4 sent"]);
    assert.equal(box.contents(office).length, 2);
  },
  GATHER,
);

outboxTest("P4: two mentors with one account wait together, and one of them is told", async (box) => {
  const office = await box.mentor(3, SHARED);
  await box.mentor(4, SHARED);
  const notifier = box.notifier();
  await box.event({ student: 16, mentors: [4] });
  await box.round(notifier);
  for (const student of [17, 18]) await box.event({ student, mentors: [3, 4] });
  await box.round(notifier);
  box.clock.advance(601_000);
  const told = await box.round(notifier);
  assert.deepEqual([told.sent, told.messages, told.suppressed, told.waiting], [2, 1, 2, 0]);
  assert.deepEqual((await box.states()).map((state) => state.split(" ").slice(2).join(" ")), [
    "sent",
    "sent",
    "suppressed duplicate",
    "sent",
    "suppressed duplicate",
  ]);
  assert.equal(box.contents(office).length, 2);
}, GATHER);

outboxTest("what waits for a digest goes on waiting for it with mentors that are linked meanwhile", async (box) => {
  box.clock.standStill(); // looking for first mentors rests for as long as it took, and longer
  const three = await box.mentor(3);
  const four = await box.mentor(4);
  const dueAt = box.clock.now() + HOUR_US;
  await box.event({ type: "content_watched", student: 17, dueAt });
  await box.event({ type: "exam_passed", student: 17 });
  const notifier = box.notifier();
  await box.round(notifier);
  await box.link(17, [3, 4]);
  box.clock.advance(60_000);
  await box.round(notifier);
  assert.deepEqual(await box.states(), [
    "1 mentor:3 waiting digest",
    "1 mentor:4 waiting digest",
    "2 mentor:3 sent",
    "2 mentor:4 sent",
  ]);
  const next = await notifier.nextDueAt();
  assert.ok(next !== null && Math.abs(next - dueAt) < MINUTE_US);
  box.clock.advance(3_601_000);
  assert.equal((await box.round(notifier)).sent, 2);
  assert.deepEqual([box.contents(three).length, box.contents(four).length], [2, 2]);
});

outboxTest(
  "P4: what was to be told to mentors who all went goes to the fallback channel after the grace",
  async (box) => {
    box.standIn.addChannel(FALLBACK.channel);
    await box.mentor(3);
    await box.mentor(4);
    await box.link(17, []);
    await box.event({ student: 17, mentors: [3, 4] });
    const notifier = box.notifier();
    await box.round(notifier);
    assert.equal(box.standIn.messages.length, 0);
    box.clock.advance(24 * 3_600_000 + 1000);
    await box.round(notifier);
    assert.deepEqual(await box.states(), [
      "1 channel:mentors/unmatched sent",
      "1 mentor:3 suppressed no_longer_mentor",
      "1 mentor:4 suppressed no_longer_mentor",
    ]);
    await box.round(notifier);
    assert.equal(box.standIn.messages.length, 1);
  },
  { notify: { fallback: FALLBACK } },
);

outboxTest("P4: of several reports that nobody was told yet a new mentor gets the last", async (box) => {
  await box.mentor(3);
  const four = await box.mentor(4);
  const dueAt = box.clock.now() + MINUTE_US;
  await box.event({ type: "exam_failed", student: 17, mentors: [3], attempt: 500, dueAt });
  await box.event({ type: "exam_passed", student: 17, mentors: [3], attempt: 500, revision: 2, supersedes: 1, dueAt });
  await box.db.sql`insert into lmsmon.sources (source) values (${SOURCE}) on conflict do nothing`;
  await box.db.sql`
    with stream as (insert into lmsmon.streams (source, kind) values (${SOURCE}, 'exam') returning stream_id)
    insert into lmsmon.row_states (stream_id, row_key, hash, recipe, stage, revision, last_event_id)
    select stream_id, 500, 1, 1, 2, 2, 2 from stream`;
  await box.link(17, [4]);
  box.clock.advance(61_000);
  await box.round(box.notifier());
  assert.deepEqual(await box.states(), [
    "1 mentor:3 suppressed no_longer_mentor",
    "2 mentor:3 suppressed no_longer_mentor",
    "2 mentor:4 sent",
  ]);
  assert.match(box.contents(four).join(""), /now \*\*passed\*\*/);
});
