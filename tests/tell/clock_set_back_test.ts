import assert from "node:assert/strict";
import { HOUR_US, MINUTE_US, outboxTest } from "./outbox_fixture.ts";

const GATHER = { notify: { gatherMs: 600_000 } };

outboxTest(
  "P13: after the clock was set back, results wait for no longer than gather, and nothing for its old times",
  async (box) => {
    const three = await box.mentor(3);
    const four = await box.mentor(4);
    const ahead = 6 * HOUR_US / 1000;
    box.clock.advance(ahead);
    const before = box.notifier();
    await box.event({ student: 100, mentors: [3] });
    await box.round(before);
    await box.event({ student: 101, mentors: [3] });
    await box.round(before);
    await box.event({ student: 102, mentors: [4] }); // due, and not yet looked at
    assert.deepEqual([box.contents(three).length, box.contents(four).length], [1, 0]);
    // Somebody was killed in the middle of a send.
    await box.db.sql`
    update lmsmon.recipients set claimed_by = 'gone', claim_expires_at = clock_timestamp() + interval '6 hours' where recipient = 'mentor:4'`;

    box.clock.advance(-ahead);
    const after = box.notifier();
    await box.round(after);
    assert.equal(box.contents(three).length, 2, "gathered, for ten minutes from a time that is still to come");
    await box.expireClaims(); // of 35 s, no longer of hours
    box.clock.advance(MINUTE_US / 1000);
    await box.round(after);
    assert.equal(box.contents(four).length, 1);
    const claims = await box.db.sql<{ n: number }[]>`
    select count(*)::int as n from lmsmon.recipients where claim_expires_at > clock_timestamp() + interval '1 minute'`;
    assert.equal(claims[0]?.n, 0);
  },
  GATHER,
);

outboxTest("a watch that goes on while its clock is set back tells within gather and a sweep", async (box) => {
  const three = await box.mentor(3);
  const notifier = box.notifier();
  box.clock.advance(6 * HOUR_US / 1000);
  await box.event({ student: 100, mentors: [3] });
  await box.round(notifier);
  await box.event({ student: 101, mentors: [3] });
  await box.round(notifier);
  // The wall clock goes back, the time that passes does not.
  const { now } = box.clock;
  box.clock.now = () => now.call(box.clock) - 6 * HOUR_US;
  for (let minute = 0; minute <= 11; minute++) {
    box.clock.advance(MINUTE_US / 1000);
    await box.round(notifier);
  }
  assert.equal(box.contents(three).length, 2);
}, GATHER);

outboxTest(
  "what rightly waits is left alone: gathering, the digest, a retry, another machine's second",
  async (box) => {
    box.clock.standStill();
    await box.mentor(3);
    const now = box.clock.now();
    await box.event({ student: 100, mentors: [3], dueAt: now + 9 * MINUTE_US, status: "waiting", reason: "gathering" });
    await box.event({ student: 101, mentors: [3], dueAt: now + 20 * HOUR_US, status: "waiting", reason: "digest" });
    await box.event({ student: 102, mentors: [3], dueAt: now + 5 * HOUR_US, status: "waiting", reason: "quiet" });
    await box.event({ student: 103, mentors: [3], dueAt: now + 3_000_000 });
    const dues = () => box.db.sql`select event_id, next_attempt_at from lmsmon.lms_event_logs order by event_id`;
    const before = await dues();
    await box.round(box.notifier());
    assert.deepEqual([...await dues()], [...before]);
  },
  GATHER,
);
