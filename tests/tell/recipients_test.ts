import assert from "node:assert/strict";
import { HOUR_US, outboxTest } from "./outbox_fixture.ts";

const DAY_MS = 24 * 3_600_000;

outboxTest(
  "P4: who is no longer the mentor when the message is composed gets nothing; the new mentor is told",
  async (box) => {
    const [three, four] = [await box.mentor(3), await box.mentor(4)];
    await box.event({ student: 17, mentors: [3] });
    await box.link(17, [4]);
    await box.round(box.notifier());
    assert.deepEqual(await box.states(), ["1 mentor:3 suppressed no_longer_mentor", "1 mentor:4 sent"]);
    assert.deepEqual([box.contents(three).length, box.contents(four).length], [0, 1]);
  },
);

outboxTest("P4: a hand-over after somebody was told re-tells nothing", async (box) => {
  const [three, four] = [await box.mentor(3), await box.mentor(4)];
  await box.mentor(5);
  await box.link(17, [3, 5]);
  await box.event({ student: 17, mentors: [3, 5] });
  // Mentor 5's delivery waits for its digest time; mentor 3 is told at once.
  await box.db
    .sql`update lmsmon.lms_event_logs set status = 'waiting', reason = 'digest', next_attempt_at = now() + interval '1 hour' where recipient = 'mentor:5'`;
  const notifier = box.notifier();
  await box.round(notifier);
  await box.link(17, [4]);
  box.clock.advance(2 * 3_600_000);
  await box.round(notifier);
  assert.deepEqual(await box.states(), ["1 mentor:3 sent", "1 mentor:5 suppressed no_longer_mentor"]);
  assert.deepEqual([box.contents(three).length, box.contents(four).length], [1, 0]);
});

outboxTest("P4: a mentor linked before anybody was told is told too", async (box) => {
  const four = await box.mentor(4);
  await box.mentor(3);
  await box.event({ student: 17, mentors: [3] });
  await box.link(17, [3, 4]);
  await box.round(box.notifier());
  assert.deepEqual(await box.states(), ["1 mentor:3 sent", "1 mentor:4 sent"]);
  assert.equal(box.contents(four).length, 1);
});

outboxTest("P4: two mentors with one Zulip account are told once: one sent, one suppressed", async (box) => {
  const account = await box.mentor(3, { email: "shared@inst.example" });
  await box.mentor(4, { email: " Shared@Inst.example" });
  await box.link(17, [3, 4]);
  await box.event({ student: 17, mentors: [3, 4] });
  await box.round(box.notifier());
  const states = (await box.states()).map((line) => line.split(" ").slice(2).join(" ")).sort();
  assert.deepEqual(states, ["sent", "suppressed duplicate"]);
  assert.equal(box.contents(account).length, 1);
});

outboxTest("P4: a mentor who is the student is not told about themselves", async (box) => {
  const account = await box.mentor(3, { email: "student17@inst.example" });
  const four = await box.mentor(4);
  await box.link(17, [3, 4]);
  await box.event({ student: 17, mentors: [3, 4] });
  await box.round(box.notifier());
  assert.deepEqual(await box.states(), ["1 mentor:3 suppressed self", "1 mentor:4 sent"]);
  assert.deepEqual([box.contents(account).length, box.contents(four).length], [0, 1]);
  assert.doesNotMatch(box.contents(four)[0] ?? "", /also told: Mentor 4/);
});

outboxTest(
  "P4: an event without a mentor waits, is told when a link comes, and its mentors are extended",
  async (box) => {
    box.clock.standStill(); // looking for first mentors rests for as long as it took, and longer
    await box.mentor(3);
    const four = await box.mentor(4);
    await box.event({ student: 17 });
    const notifier = box.notifier();
    const first = await box.round(notifier);
    assert.deepEqual([first.sent, first.waiting], [0, 1]);
    assert.deepEqual(await box.states(), ["1 - waiting no_mentor"]);
    await box.link(17, [3, 4]);
    box.clock.advance(60_000);
    assert.equal((await box.round(notifier)).sent, 2);
    assert.deepEqual(await box.states(), ["1 mentor:3 sent", "1 mentor:4 sent"]);
    assert.equal(box.contents(four).length, 1);
    const [event] = await box.db.sql`
    select e.mentor_id, e.mentor_username, s.mentor_ids, s.export_json,
           (select count(*) from lmsmon.lms_activity_event_mentors m where m.mentor_set_id = s.mentor_set_id) as members
      from lmsmon.lms_activity_events e join lmsmon.mentor_sets s using (mentor_set_id)`;
    assert.deepEqual(event, {
      mentor_id: "3",
      mentor_username: "mentor3",
      mentor_ids: ["3", "4"],
      export_json: '[{"id":3,"username":null,"email":null},{"id":4,"username":null,"email":null}]',
      members: "2",
    });
  },
);

outboxTest(
  "P4: first mentors are looked for again soon after a machine that stood still in the middle of it",
  async (box) => {
    const three = await box.mentor(3);
    await box.event({ student: 17 });
    const notifier = box.notifier();
    const { monotonicMs } = box.clock;
    // Each look at the clock is eight hours later: whatever the first round does takes long.
    let sleptMs = 0;
    box.clock.monotonicMs = () => monotonicMs.call(box.clock) + (sleptMs += 8 * 3_600_000);
    await box.round(notifier);
    box.clock.monotonicMs = () => monotonicMs.call(box.clock) + sleptMs;
    await box.link(17, [3]);
    box.clock.advance(600_000);
    await box.round(notifier);
    assert.equal(box.contents(three).length, 1);
  },
);

outboxTest("P4: an event without a mentor ends as no_mentor when the grace is over", async (box) => {
  await box.event({ student: 17, graceUntil: box.clock.now() + HOUR_US });
  const notifier = box.notifier();
  await box.round(notifier);
  box.clock.advance(3_601_000);
  assert.equal((await box.round(notifier)).suppressed, 1);
  assert.deepEqual(await box.states(), ["1 - suppressed no_mentor"]);
});

outboxTest("P4: an event without a mentor goes to the fallback channel when the grace is over", async (box) => {
  box.standIn.addChannel("mentors");
  await box.event({ student: 17, graceUntil: box.clock.now() - HOUR_US });
  await box.round(box.notifier());
  assert.deepEqual(await box.states(), ["1 channel:mentors/unmatched / people sent"]);
  const [message] = box.standIn.channelMessages("mentors");
  assert.equal(message?.topic, "unmatched / people");
}, { notify: { fallback: { channel: "mentors", topic: "unmatched / people" } } });

outboxTest(
  "P4: a mentor without an account is waited for, then the fallback channel is told once for all of them",
  async (box) => {
    box.standIn.addChannel("mentors");
    await box.person("mentor", 3);
    await box.person("mentor", 4);
    await box.link(17, [3, 4]);
    await box.event({ student: 17, mentors: [3, 4] });
    const notifier = box.notifier();
    const first = await box.round(notifier);
    assert.deepEqual([first.sent, first.waiting], [0, 2]);
    assert.deepEqual(await box.states(), ["1 mentor:3 waiting no_account", "1 mentor:4 waiting no_account"]);
    const due = await notifier.nextDueAt() ?? 0;
    assert.ok(Math.abs(due - box.clock.now() - HOUR_US) < HOUR_US / 60, "looked for again each cache period");
    box.clock.advance(7 * DAY_MS + 1000);
    await box.round(notifier);
    assert.deepEqual(await box.states(), [
      "1 channel:mentors/unmatched sent",
      "1 mentor:3 suppressed fell_back_to_channel",
      "1 mentor:4 suppressed fell_back_to_channel",
    ]);
    assert.equal(box.standIn.channelMessages("mentors").length, 1);
  },
  { notify: { fallback: { channel: "mentors", topic: "unmatched" } } },
);

outboxTest("P4: a mentor without an account ends as no_account without a fallback", async (box) => {
  await box.person("mentor", 3, { email: null });
  await box.event({ student: 17, mentors: [3] });
  const notifier = box.notifier();
  await box.round(notifier);
  box.clock.advance(7 * DAY_MS + 1000);
  await box.round(notifier);
  assert.deepEqual(await box.states(), ["1 mentor:3 suppressed no_account"]);
});

outboxTest(
  "an account that is made later is found after a cache period, at a start, or when map-users found it",
  async (box) => {
    box.clock.standStill(); // looking for new accounts rests for as long as it took, and longer
    for (const id of [3, 4, 5]) await box.person("mentor", id);
    for (const id of [3, 4, 5]) await box.event({ student: id, mentors: [id] });
    const notifier = box.notifier();
    await box.round(notifier);
    await box.mentor(3);
    await box.round(notifier);
    assert.equal(box.standIn.messages.length, 0, "not before the cache period is over");
    const five = await box.mentor(5);
    await box.db.sql`
    update lmsmon.user_links set zulip_user_id = ${five}, status = 'matched', checked_at = clock_timestamp() where person_id = 5`;
    box.clock.advance(120_000);
    await box.round(notifier);
    assert.deepEqual([box.contents(five).length, box.standIn.messages.length], [1, 1]);
    box.clock.advance(3_600_000);
    await box.round(notifier);
    assert.equal(box.standIn.messages.length, 2);
    await box.mentor(4);
    await box.round(box.notifier());
    assert.equal(box.standIn.messages.length, 3);
  },
);

outboxTest("Zulip's users are read once per cache period, and only when somebody due is not known", async (box) => {
  for (const id of [3, 4]) {
    await box.mentor(id);
    await box.event({ student: 10 + id, mentors: [id] });
  }
  const asked = () => box.standIn.requests.filter((request) => request.path === "/api/v1/users").length;
  const notifier = box.notifier();
  await box.round(notifier);
  assert.equal(asked(), 1);
  await box.event({ student: 13, mentors: [3] });
  await box.round(box.notifier());
  assert.equal(asked(), 1);
});

outboxTest("P4: links that vanish and come back while nobody was told lose no news", async (box) => {
  const three = await box.mentor(3);
  await box.link(17, [3]);
  await box.event({ student: 17, mentors: [3] });
  await box.link(17, []);
  const notifier = box.notifier();
  await box.round(notifier);
  assert.deepEqual(await box.states(), ["1 mentor:3 waiting no_mentor"]);
  await box.link(17, [3]);
  box.clock.advance(61_000);
  await box.round(notifier);
  assert.deepEqual(await box.states(), ["1 mentor:3 sent"]);
  assert.equal(box.contents(three).length, 1);
});

outboxTest("P4: links that stay away end the wait after notify.mentor_grace", async (box) => {
  await box.mentor(3);
  await box.event({ student: 17, mentors: [3] });
  await box.link(17, []);
  box.clock.advance(DAY_MS + 1000);
  await box.round(box.notifier());
  assert.deepEqual(await box.states(), ["1 mentor:3 suppressed no_longer_mentor"]);
});
