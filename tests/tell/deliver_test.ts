import assert from "node:assert/strict";
import { markersIn } from "../../lib/model/marker.ts";
import { HOUR_US, MINUTE_US, outboxTest } from "./outbox_fixture.ts";

outboxTest("P4: round() tells every mentor of a student once, and again nothing", async (box) => {
  const [three, four] = [await box.mentor(3), await box.mentor(4)];
  await box.link(17, [3, 4]);
  await box.event({ student: 17, mentors: [3, 4] });
  const notifier = box.notifier();
  const round = await box.round(notifier);
  assert.deepEqual(
    [round.sent, round.messages, round.waiting, round.unknown, round.dead, round.circuit, round.trouble],
    [2, 2, 0, 0, 0, "closed", null],
  );
  assert.equal(box.contents(three).length, 1);
  assert.equal(box.contents(four).length, 1);
  assert.match(box.contents(three)[0] ?? "", /Student 17.*passed.*also told: Mentor 4/s);
  const logs = await box.logs();
  assert.deepEqual(logs.map((row) => [row.status, row.sent]), [["sent", true], ["sent", true]]);
  assert.deepEqual(new Set(logs.map((row) => row.zulip)), new Set(box.standIn.messages.map((message) => message.id)));
  assert.equal(await notifier.nextDueAt(), null);
  await box.round(notifier);
  await box.round(box.notifier());
  assert.equal(box.standIn.messages.length, 2);
});

outboxTest(
  "P4: round() tells several due events in one digest, each with its own marker, exams before content",
  async (box) => {
    const three = await box.mentor(3);
    await box.link(17, [3]);
    const now = box.clock.now();
    await box.event({ type: "content_watched", student: 17, mentors: [3], occurredAt: now - 5000 });
    await box.event({ type: "exam_passed", student: 17, mentors: [3], occurredAt: now - 1000 });
    await box.event({ type: "exam_started", student: 17, mentors: [3], occurredAt: now - 2000 });
    const round = await box.round(box.notifier());
    assert.deepEqual([round.sent, round.messages], [3, 1]);
    const [content = ""] = box.contents(three);
    assert.equal(markersIn(content).length, 3);
    assert.deepEqual((await box.messages()).map((row) => [row.kind, row.state]), [["digest", "sent"]]);
  },
);

outboxTest("round() sends up to digest_above events as messages of their own, in order of occurrence", async (box) => {
  const three = await box.mentor(3);
  await box.link(17, [3]);
  const now = box.clock.now();
  await box.event({ type: "exam_passed", student: 17, mentors: [3], occurredAt: now - 1000, title: "Second" });
  await box.event({ type: "exam_started", student: 17, mentors: [3], occurredAt: now - 2000, title: "First" });
  await box.event({ type: "content_watched", student: 17, mentors: [3], occurredAt: now - 3000, title: "Third" });
  const round = await box.round(box.notifier());
  assert.deepEqual([round.sent, round.messages], [3, 3]);
  assert.deepEqual(box.contents(three).map((text) => /First|Second|Third/.exec(text)?.[0]), [
    "First",
    "Second",
    "Third",
  ]);
}, { notify: { digestAbove: 3 } });

outboxTest("P11: round() sends nothing of a poll that is undecided or held", async (box) => {
  const three = await box.mentor(3);
  await box.link(17, [3]);
  const undecided = await box.poll("undecided");
  await box.event({ student: 17, mentors: [3], pollId: undecided });
  await box.event({ student: 17, mentors: [3], pollId: await box.poll("held"), status: "held", reason: "fuse" });
  const notifier = box.notifier();
  assert.equal((await box.round(notifier)).sent, 0);
  assert.deepEqual(await box.states(), ["1 mentor:3 pending", "2 mentor:3 held fuse"]);
  await box.db.sql`update lmsmon.poll_runs set delivery = 'open' where poll_id = ${undecided}`;
  box.clock.advance(1000);
  assert.equal((await box.round(notifier)).sent, 1);
  assert.equal(box.contents(three).length, 1);
});

outboxTest("round() leaves rows that wait for their digest time until then, and tells them as one", async (box) => {
  const three = await box.mentor(3);
  await box.link(17, [3]);
  const dueAt = box.clock.now() + HOUR_US;
  for (const _ of [1, 2]) {
    await box.event({ type: "content_watched", student: 17, mentors: [3], dueAt, status: "waiting", reason: "digest" });
  }
  const notifier = box.notifier();
  const round = await box.round(notifier);
  assert.deepEqual([round.sent, round.waiting], [0, 2]);
  assert.ok(Math.abs((await notifier.nextDueAt() ?? 0) - dueAt) < 1000);
  box.clock.advance(3_601_000);
  assert.deepEqual([(await box.round(notifier)).messages, box.contents(three).length], [1, 1]);
}, { notify: { digestAbove: 5 } });

outboxTest(
  "round() puts digest material beyond max_per_mentor off until the next digest time, where they go as one",
  async (box) => {
    const three = await box.mentor(3);
    await box.link(17, [3]);
    const notifier = box.notifier();
    for (const _ of [1, 2]) {
      await box.event({ type: "content_watched", student: 17, mentors: [3] });
      await box.round(notifier);
    }
    for (const _ of [1, 2]) await box.event({ type: "content_watched", student: 17, mentors: [3] });
    const round = await box.round(notifier);
    assert.deepEqual([round.sent, round.waiting], [0, 2]);
    assert.deepEqual((await box.states()).slice(2), ["3 mentor:3 waiting rate", "4 mentor:3 waiting rate"]);
    box.clock.advance(24 * 3_600_000);
    assert.equal((await box.round(notifier)).messages, 1);
    assert.equal(box.contents(three).length, 3);
  },
  { notify: { maxPerMentor: { messages: 2, perMs: 30 * 24 * 3_600_000 } } },
);

outboxTest(
  "round() without digest times lets digest material beyond max_per_mentor out when the window frees",
  async (box) => {
    const three = await box.mentor(3);
    await box.link(17, [3]);
    const notifier = box.notifier();
    await box.event({ type: "content_watched", student: 17, mentors: [3] });
    await box.round(notifier);
    await box.event({ type: "content_watched", student: 17, mentors: [3] });
    await box.round(notifier);
    assert.equal(box.contents(three).length, 1);
    const due = await notifier.nextDueAt() ?? 0;
    assert.ok(Math.abs(due - box.clock.now() - HOUR_US) < MINUTE_US);
    box.clock.advance(3_600_500);
    await box.round(notifier);
    assert.equal(box.contents(three).length, 2);
  },
  { notify: { maxPerMentor: { messages: 1, perMs: 3_600_000 }, digest: { events: [], at: [] } } },
);

outboxTest("round() says which of two students of one name it is, and what was told before", async (box) => {
  const three = await box.mentor(3);
  await box.link(17, [3]);
  await box.link(18, [3]);
  await box.person("student", 18, { name: "Asha Rao" });
  const notifier = box.notifier();
  await box.event({ type: "exam_failed", student: 17, studentName: "Asha Rao", mentors: [3], attempt: 500 });
  await box.round(notifier);
  assert.match(box.contents(three)[0] ?? "", /student17/);
  await box.event({ student: 17, studentName: "Asha Rao", mentors: [3], attempt: 500, revision: 2, supersedes: 1 });
  await box.round(notifier);
  assert.match(box.contents(three)[1] ?? "", /you were told "failed"/);
});

outboxTest("P8: round() tells one mentor's 10,000 pending events in bounded chunks", async (box) => {
  const three = await box.mentor(3);
  await box.link(17, [3]);
  const first = await box.event({ student: 17, mentors: [3] });
  await box.db.sql`
    insert into lmsmon.lms_activity_events (event_id, source, kind, event_type, stage, attempt_id, revision, student_id,
      student_username, activity_id, activity_title, activity_metadata, timestamp, timestamp_approximate, origin, poll_id, created_at)
    select 1 + i, source, kind, event_type, stage, attempt_id + i, revision, student_id, student_username, activity_id,
           activity_title, activity_metadata, timestamp, timestamp_approximate, origin, poll_id, created_at
      from lmsmon.lms_activity_events, generate_series(1, 9999) as i where event_id = ${first}`;
  await box.db.sql`
    insert into lmsmon.lms_event_logs (event_id, source, poll_id, recipient, status, marker, next_attempt_at)
    select event_id + i, source, poll_id, recipient, status,
           translate(rpad(lpad(i::text, 5, '0'), 16, 'a'), '0123456789', 'bcdefghijk'), next_attempt_at
      from lmsmon.lms_event_logs, generate_series(1, 9999) as i where event_id = ${first}`;
  const round = await box.round(box.notifier());
  assert.deepEqual([round.sent, round.waiting], [10_000, 0]);
  assert.equal(box.contents(three).flatMap(markersIn).length, 10_000);
});

outboxTest("P4: more messages than one chunk takes: everybody is told each of them once, in order", async (box) => {
  const mentors = await Promise.all(Array.from({ length: 12 }, (_, i) => box.mentor(3 + i)));
  for (let i = 0; i < 15; i++) {
    for (const [m] of mentors.entries()) await box.event({ student: 100 + m, mentors: [3 + m], title: `Test ${i}` });
  }
  const round = await box.round(box.notifier());
  assert.deepEqual([round.sent, round.messages, round.waiting], [180, 180, 0]);
  for (const mentor of mentors) {
    const titles = box.contents(mentor).map((content) => /Test \d+/.exec(content)?.[0]);
    assert.deepEqual(titles, Array.from({ length: 15 }, (_, i) => `Test ${i}`));
  }
  const held = await box.db.sql`select from lmsmon.recipients where claimed_by is not null or next_due_at is not null`;
  assert.equal(held.length, 0);
}, { notify: { digestAbove: 1000 } });
