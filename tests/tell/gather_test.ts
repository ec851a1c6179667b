import assert from "node:assert/strict";
import { markersIn } from "../../lib/model/marker.ts";
import { fromInstant } from "../../lib/model/time.ts";
import type { Notifier } from "../../lib/tell/notifier.ts";
import { goTo, HOUR_US, MINUTE_US, type Outbox, outboxTest } from "./outbox_fixture.ts";

const GATHER = { notify: { gatherMs: 600_000, maxPerMentor: { messages: 12, perMs: 3_600_000 } } };
const NIGHT = { notify: { ...GATHER.notify, quiet: { from: 22 * 60, to: 7 * 60 } } };

/** Lets time pass until nothing is due within `minutes`, with a round whenever something is. */
async function watchFor(box: Outbox, notifier: Notifier, minutes: number): Promise<void> {
  const end = box.clock.now() + minutes * MINUTE_US;
  let rounds = 0;
  for (let due = await notifier.nextDueAt(); due !== null && due <= end; due = await notifier.nextDueAt()) {
    assert.ok(++rounds < 100, "something stays due");
    box.clock.advance(Math.max(1, (due - box.clock.now()) / 1000 + 1));
    await box.round(notifier);
  }
  if (box.clock.now() < end) box.clock.advance((end - box.clock.now()) / 1000);
}

outboxTest(
  "P13: fifty results one by one: the first at once, the others ten minutes later in one, failures first",
  async (box) => {
    box.clock.standStill();
    const three = await box.mentor(3);
    const notifier = box.notifier();
    await box.event({ student: 100, mentors: [3] });
    await box.round(notifier);
    const began = box.clock.now();
    assert.equal(box.contents(three).length, 1);
    for (let i = 1; i < 50; i++) {
      box.clock.advance(10_000);
      await box.event({ type: i % 5 ? "exam_passed" : "exam_failed", student: 100 + i, mentors: [3] });
      const round = await box.round(notifier);
      assert.deepEqual([round.sent, round.waiting], [0, i]);
      const [wait, ...others] = round.waits;
      assert.deepEqual([wait?.reason, wait?.deliveries, others.length], ["gathering", i, 0]);
      assert.ok(Math.abs((wait?.until ?? 0) - began - 10 * MINUTE_US) < 5_000_000);
    }
    const said = box.lines.filter(({ message }) => /Put off/.test(message));
    assert.equal(said.length, 49, "each round says what it put off, once");
    assert.deepEqual([said[0]?.level, said[0]?.properties?.reason, said[0]?.properties?.deliveries], [
      "info",
      "gathering",
      1,
    ]);
    await watchFor(box, notifier, 30);
    const [, gathered = "", ...more] = box.contents(three);
    assert.deepEqual([markersIn(gathered).length, more.length], [49, 0]);
    assert.match(gathered, /^📋 \*\*49 updates\*\*, 9 failed/);
    assert.equal(box.standIn.messages.length, 2);
  },
  GATHER,
);

outboxTest("P13: max_per_mentor and the digest put no result off for longer than gather", async (box) => {
  box.clock.standStill();
  const three = await box.mentor(3);
  const notifier = box.notifier();
  const detected = new Map<string, number>();
  for (let i = 0; i < 40; i++) {
    const id = await box.event({ student: 100 + i, mentors: [3] });
    detected.set(id, box.clock.now());
    await box.round(notifier);
    await watchFor(box, notifier, i % 7);
  }
  await watchFor(box, notifier, 30);
  const told = await box.db.sql<{ event_id: string; at: Temporal.Instant }[]>`
    select event_id, processed_at as at from lmsmon.lms_event_logs where status = 'sent'`;
  assert.equal(told.length, 40);
  for (const { event_id: id, at } of told) {
    const waited = fromInstant(at) - (detected.get(id) ?? 0);
    assert.ok(waited <= 10 * MINUTE_US + 5_000_000, `${waited / MINUTE_US} minutes`);
  }
  assert.ok(box.contents(three).length <= 15, `${box.contents(three).length} messages in two hours`);
}, { notify: { gatherMs: 600_000, maxPerMentor: { messages: 2, perMs: 3_600_000 } } });

outboxTest("gather: 0 tells every result at once, whatever max_per_mentor says", async (box) => {
  const three = await box.mentor(3);
  const notifier = box.notifier();
  for (let i = 0; i < 5; i++) {
    await box.event({ student: 100 + i, mentors: [3] });
    assert.equal((await box.round(notifier)).sent, 1);
  }
  assert.equal(box.contents(three).length, 5);
}, { notify: { gatherMs: 0, maxPerMentor: { messages: 2, perMs: 3_600_000 } } });

outboxTest("a digest takes along what has gathered, and what follows it gathers", async (box) => {
  const three = await box.mentor(3);
  const notifier = box.notifier();
  await box.event({ student: 100, mentors: [3] });
  await box.round(notifier);
  await box.event({ student: 101, mentors: [3] });
  const dueAt = box.clock.now() + 3 * MINUTE_US;
  await box.event({ type: "content_watched", student: 102, mentors: [3], status: "waiting", reason: "digest", dueAt });
  await box.round(notifier);
  box.clock.advance(3 * 60_000 + 1000);
  await box.round(notifier);
  assert.deepEqual(box.contents(three).map((content) => markersIn(content).length), [1, 2]);
  await box.event({ student: 103, mentors: [3] });
  assert.equal((await box.round(notifier)).sent, 0);
  await watchFor(box, notifier, 9);
  assert.equal(box.contents(three).length, 2);
  await watchFor(box, notifier, 2);
  assert.deepEqual(box.contents(three).map((content) => markersIn(content).length), [1, 2, 1]);
}, GATHER);

outboxTest("what gathers is told once by whichever of several processes, also after a restart", async (box) => {
  const three = await box.mentor(3);
  await box.event({ student: 100, mentors: [3] });
  await box.round(box.notifier());
  for (let i = 1; i <= 3; i++) {
    await box.event({ student: 100 + i, mentors: [3] });
    assert.equal((await box.round(box.notifier())).sent, 0, "a new process knows of the message before");
  }
  assert.deepEqual((await box.states()).slice(1), [2, 3, 4].map((id) => `${id} mentor:3 waiting gathering`));
  box.clock.advance(601_000);
  const [one, other] = [box.notifier(), box.notifier()];
  await Promise.all([box.round(one), box.round(other)]);
  assert.deepEqual(box.contents(three).map((content) => markersIn(content).length), [1, 3]);
}, GATHER);

outboxTest("two mentors with one account are one reader: the second one's results gather", async (box) => {
  const three = await box.mentor(3);
  await box.person("mentor", 4, { email: "mentor3@inst.example" });
  await box.event({ student: 100, mentors: [3] });
  const notifier = box.notifier();
  await box.round(notifier);
  await box.event({ student: 101, mentors: [4] });
  assert.equal((await box.round(notifier)).sent, 0);
  await watchFor(box, notifier, 11);
  assert.equal(box.contents(three).length, 2);
}, GATHER);

outboxTest("the fallback channel gathers nothing and has no quiet hours", async (box) => {
  box.standIn.addChannel("mentors", { isPrivate: false, subscribers: [box.standIn.bot.id] });
  box.clock.standStill(); // looking for first mentors rests for as long as it took, and longer
  goTo(box, 23 * 60, "Asia/Kolkata");
  const notifier = box.notifier();
  for (let i = 0; i < 3; i++) {
    await box.event({ student: 100 + i, graceUntil: box.clock.now() - 1, dueAt: box.clock.now() - 1 });
    assert.equal((await box.round(notifier)).sent, 1);
    box.clock.advance(60_000);
  }
}, { notify: { ...NIGHT.notify, fallback: { channel: "mentors", topic: "unmatched" } } });

outboxTest("results wait for the end of the reader's own quiet hours, then one message", async (box) => {
  const three = await box.mentor(3);
  const five = await box.mentor(5);
  const user = box.standIn.realm.users.get(five);
  assert.ok(user !== undefined);
  user.timezone = "America/New_York";
  goTo(box, 23 * 60, "Asia/Kolkata"); // noon or so in New York
  const notifier = box.notifier();
  for (let i = 0; i < 3; i++) {
    await box.event({ student: 100 + i, mentors: [3, 5] });
    await box.round(notifier);
  }
  assert.deepEqual([box.contents(three).length, box.contents(five).length], [0, 1]);
  assert.deepEqual((await box.states()).filter((line) => /mentor:3/.test(line)), [
    "1 mentor:3 waiting quiet",
    "2 mentor:3 waiting quiet",
    "3 mentor:3 waiting quiet",
  ]);
  const restarted = box.notifier();
  const round = await box.round(restarted);
  assert.deepEqual(round.waits.map(({ reason, deliveries }) => [reason, deliveries]), [["gathering", 2], ["quiet", 3]]);
  await watchFor(box, restarted, 7 * 60 + 59);
  assert.deepEqual([box.contents(three).length, box.contents(five).length], [0, 2]);
  await watchFor(box, restarted, 2);
  assert.deepEqual(box.contents(three).map((content) => markersIn(content).length), [3]);
  assert.doesNotMatch(box.contents(three)[0] ?? "", /late after an outage/);
}, NIGHT);

outboxTest("quiet hours that were switched off hold nothing back after a restart", async (box) => {
  const three = await box.mentor(3);
  goTo(box, 23 * 60, "Asia/Kolkata");
  await box.event({ student: 100, mentors: [3] });
  await box.round(box.notifier());
  assert.equal(box.contents(three).length, 0);
  await box.round(box.notifier({ notify: GATHER.notify }));
  assert.equal(box.contents(three).length, 1);
}, NIGHT);

outboxTest("a short outage and the news of it are one message for each mentor, within gather", async (box) => {
  const three = await box.mentor(3);
  const notifier = box.notifier();
  await box.event({ student: 100, mentors: [3] });
  await box.round(notifier);
  await box.standIn.stop();
  box.clock.advance(11 * 60_000);
  for (let i = 1; i <= 3; i++) {
    await box.event({ student: 100 + i, mentors: [3] });
    await box.round(notifier);
    box.clock.advance(61_000);
  }
  box.standIn.restart();
  await box.round(notifier);
  assert.deepEqual(box.contents(three).map((content) => markersIn(content).length), [1, 3]);
}, GATHER);

outboxTest("what follows a message in doubt is told once it is known, in one message", async (box) => {
  const three = await box.mentor(3);
  const notifier = box.notifier();
  box.standIn.fault({ kind: "500_after_commit" });
  await box.event({ student: 100, mentors: [3] });
  assert.equal((await box.round(notifier)).unknown, 1);
  for (const student of [101, 102]) await box.event({ student, mentors: [3] });
  await box.round(notifier);
  await watchFor(box, notifier, 15);
  assert.deepEqual(box.contents(three).map((content) => markersIn(content).length), [1, 2]);
  assert.deepEqual([...new Set((await box.logs()).map((row) => row.status))], ["sent"]);
}, GATHER);

outboxTest("P8: five thousand events that are due for one mentor at once do not wait for each other", async (box) => {
  await box.mentor(3);
  const first = await box.event({ student: 17, mentors: [3] });
  await box.db.sql`
    insert into lmsmon.lms_activity_events (event_id, source, kind, event_type, stage, attempt_id, revision, student_id,
      student_username, activity_id, activity_title, activity_metadata, timestamp, timestamp_approximate, origin, poll_id, created_at)
    select 1 + i, source, kind, event_type, stage, attempt_id + i, revision, student_id, student_username, activity_id,
           activity_title, activity_metadata, timestamp, timestamp_approximate, origin, poll_id, created_at
      from lmsmon.lms_activity_events, generate_series(1, 4999) as i where event_id = ${first}`;
  await box.db.sql`
    insert into lmsmon.lms_event_logs (event_id, source, poll_id, recipient, status, marker, next_attempt_at)
    select event_id + i, source, poll_id, recipient, status,
           translate(rpad(reverse(i::text), 16, 'a'), '0123456789', 'bcdefghijk'), next_attempt_at
      from lmsmon.lms_event_logs, generate_series(1, 4999) as i where event_id = ${first}`;
  const notifier = box.notifier();
  const round = await box.round(notifier);
  assert.deepEqual([round.sent, round.waiting], [5000, 0]);
  // And as many that follow a message all gather, and go together.
  await box.db.sql`
    update lmsmon.lms_event_logs set status = 'pending', message_id = null, notification_message_id = null, zulip_user_id = null,
           next_attempt_at = ${box.clock.now()}::timestamptz`;
  await box.db.sql`update lmsmon.recipients set next_due_at = ${box.clock.now()}::timestamptz`;
  const again = await box.round(notifier);
  assert.deepEqual([again.sent, again.waits.map(({ reason, deliveries }) => [reason, deliveries])], [0, [[
    "gathering",
    5000,
  ]]]);
  box.clock.advance(601_000);
  assert.equal((await box.round(notifier)).sent, 5000);
}, GATHER);

outboxTest("P4: a start whose finish is in the same message ends as finished_since", async (box) => {
  const three = await box.mentor(3);
  const notifier = box.notifier();
  const status = { status: "waiting", reason: "digest", dueAt: box.clock.now() };
  await box.event({ type: "exam_started", student: 17, mentors: [3], attempt: 500, ...status });
  await box.event({ type: "exam_started", student: 18, mentors: [3], attempt: 501, ...status });
  await box.event({ type: "exam_passed", student: 17, mentors: [3], attempt: 500 });
  const round = await box.round(notifier);
  assert.deepEqual([round.sent, round.messages, round.suppressed, round.waiting], [2, 1, 1, 0]);
  assert.deepEqual(await box.states(), [
    "1 mentor:3 suppressed finished_since",
    "2 mentor:3 sent",
    "3 mentor:3 sent",
  ]);
  assert.equal(markersIn(box.contents(three)[0] ?? "").length, 2);
}, GATHER);

outboxTest("what the fuse held and the administrator released waits at most gather", async (box) => {
  const three = await box.mentor(3);
  const notifier = box.notifier();
  await box.event({ student: 100, mentors: [3] });
  await box.round(notifier);
  const pollId = await box.poll("held");
  for (const student of [101, 102]) {
    await box.event({
      student,
      mentors: [3],
      pollId,
      status: "held",
      reason: "fuse",
      dueAt: box.clock.now() - HOUR_US,
    });
  }
  await box.db.sql`update lmsmon.poll_runs set delivery = 'open' where poll_id = ${pollId}`;
  await box.db.sql`update lmsmon.lms_event_logs set status = 'pending', reason = null where status = 'held'`;
  await box.round(notifier);
  assert.deepEqual(box.contents(three).map((content) => markersIn(content).length), [1, 2]);
}, GATHER);
