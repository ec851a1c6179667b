import assert from "node:assert/strict";
import { judgeAbsence } from "../../lib/tell/absent_rows.ts";
import { HOUR_US, MINUTE_US, type Outbox, outboxTest, SOURCE } from "./outbox_fixture.ts";

const NOW = 1_795_166_100_000_000;
const gone = (hours: number, passes: number) =>
  judgeAbsence({ replaced: false, missingSince: NOW - hours * HOUR_US, passes }, NOW);

Deno.test("judgeAbsence() gives a missing row an hour and two full passes, whichever ends later", () => {
  assert.deepEqual(gone(0.5, 9), { gone: false, until: NOW + HOUR_US / 2 });
  assert.deepEqual(gone(9, 1), { gone: false, until: NOW + 10 * MINUTE_US });
  assert.deepEqual(gone(1, 2), { gone: true });
  assert.deepEqual(judgeAbsence({ replaced: true, missingSince: null, passes: 0 }, NOW), { gone: true });
});

/** The LMS row behind an attempt of the outbox, `since` when it is missing. */
async function row(
  box: Outbox,
  attempt: number,
  state: { since?: number; passes?: number; incarnation?: number } = {},
) {
  const { sql } = box.db;
  await sql`insert into lmsmon.sources (source) values (${SOURCE}) on conflict do nothing`;
  for (const kind of ["exam", "content"]) {
    await sql`
      insert into lmsmon.streams (source, kind, full_passes) values (${SOURCE}, ${kind}, 7) on conflict do nothing`;
  }
  const since = state.since ?? null;
  await sql`
    insert into lmsmon.row_states as r (stream_id, row_key, hash, recipe, stage, incarnation, missing_since, missing_at_pass)
    select stream_id, ${attempt}::bigint, 1, 1, 2, ${state.incarnation ?? 1}::int, ${since}::timestamptz,
           case when ${since}::timestamptz is not null then 7 - ${state.passes ?? 0}::int end
      from lmsmon.streams where kind = 'exam'
    on conflict (stream_id, row_key) do update set missing_since = excluded.missing_since,
      missing_at_pass = excluded.missing_at_pass, incarnation = excluded.incarnation`;
}

/** Everything that waits is looked at again. */
const later = (box: Outbox) => box.clock.advance(HOUR_US / 1000 + 1000);

outboxTest(
  "a digest in which one of six rows is missing tells the other five, and the sixth when it is back",
  async (box) => {
    const three = await box.mentor(3);
    const dueAt = box.clock.now() + HOUR_US;
    for (let i = 1; i <= 6; i++) {
      await row(box, i);
      await box.event({ student: 10 + i, mentors: [3], attempt: i, dueAt, status: "waiting", reason: "digest" });
    }
    const notifier = box.notifier();
    await box.round(notifier);
    later(box);
    await row(box, 4, { since: box.clock.now() });
    assert.equal((await box.round(notifier)).sent, 5);
    assert.match(box.contents(three)[0] ?? "", /5 students/);
    assert.doesNotMatch(box.contents(three)[0] ?? "", /Student 14/);
    assert.deepEqual((await box.states()).filter((line) => !line.endsWith("sent")), ["4 mentor:3 waiting row_missing"]);
    await row(box, 4);
    later(box);
    await box.round(notifier);
    assert.match(box.contents(three)[1] ?? "", /Student 14/);
    assert.equal(box.contents(three).length, 2);
  },
);

outboxTest("rows that the fuse held wait for their row once they are released", async (box) => {
  await box.mentor(3);
  await row(box, 1, { since: box.clock.now() });
  const pollId = await box.poll("held");
  await box.event({ student: 17, mentors: [3], attempt: 1, pollId, status: "held", reason: "fuse" });
  await box.db.sql`update lmsmon.poll_runs set delivery = 'open'`;
  await box.db.sql`update lmsmon.lms_event_logs set status = 'pending', reason = null`;
  await box.round(box.notifier());
  assert.deepEqual([await box.states(), box.standIn.messages.length], [["1 mentor:3 waiting row_missing"], 0]);
});

outboxTest("events without a mentor and the fallback channel wait for their row, too", async (box) => {
  await row(box, 1, { since: box.clock.now() });
  await box.event({ student: 17, attempt: 1, graceUntil: box.clock.now() - 1 });
  const notifier = box.notifier();
  await box.round(notifier);
  assert.deepEqual(await box.states(), ["1 channel:mentors/unmatched waiting row_missing"]);
  await row(box, 1, { since: box.clock.now() - HOUR_US, passes: 2 });
  later(box);
  const round = await box.round(notifier);
  assert.deepEqual([await box.states(), round.suppressed], [["1 channel:mentors/unmatched suppressed row_missing"], 1]);
  assert.equal(box.standIn.messages.length, 0);
}, { notify: { fallback: { channel: "mentors", topic: "unmatched" } } });

outboxTest("a new mentor is not told of a row that is missing, and is when it is back", async (box) => {
  await box.mentor(3);
  const four = await box.mentor(4);
  await box.link(17, [4]);
  await row(box, 1, { since: box.clock.now() });
  await box.event({ student: 17, mentors: [3], attempt: 1 });
  const notifier = box.notifier();
  await box.round(notifier);
  assert.deepEqual(await box.states(), ["1 mentor:3 waiting row_missing"]);
  await row(box, 1);
  later(box);
  await box.round(notifier);
  await box.round(notifier);
  assert.deepEqual(await box.states(), ["1 mentor:3 suppressed no_longer_mentor", "1 mentor:4 sent"]);
  assert.equal(box.contents(four).length, 1);
});

outboxTest("a composed message that was refused is taken apart when one of its rows went missing", async (box) => {
  const three = await box.mentor(3);
  for (const attempt of [1, 2]) {
    await row(box, attempt);
    await box.event({ student: 10 + attempt, mentors: [3], attempt });
  }
  // Zulip says no to an account that was found earlier.
  const account = box.standIn.realm.users.get(three);
  assert.ok(account);
  box.standIn.realm.users.delete(three);
  await box.db.sql`
    insert into lmsmon.user_links (source, role, person_id, zulip_user_id, status, email_seen)
    values (${SOURCE}, 'mentor', 3, ${three}, 'matched', 'mentor3@inst.example')`;
  const notifier = box.notifier();
  await box.round(notifier);
  box.standIn.realm.users.set(three, account);
  assert.deepEqual((await box.messages()).map((message) => [message.state, message.kind]), [["pending", "digest"]]);
  await row(box, 1, { since: box.clock.now() });
  box.clock.advance(60_000);
  await box.round(notifier);
  assert.deepEqual(await box.states(), ["1 mentor:3 waiting row_missing", "2 mentor:3 sent"]);
  assert.doesNotMatch(box.contents(three)[0] ?? "", /Student 11/);
});

outboxTest("a send that is in doubt is looked up and ended as ever, also when its row went missing", async (box) => {
  const three = await box.mentor(3);
  await row(box, 1);
  await box.event({ student: 17, mentors: [3], attempt: 1 });
  box.standIn.fault({ kind: "500_after_commit" });
  const notifier = box.notifier();
  await box.round(notifier);
  await row(box, 1, { since: box.clock.now() - 9 * HOUR_US, passes: 9 });
  box.clock.advance(91_000);
  await box.round(notifier);
  assert.deepEqual([await box.states(), box.contents(three).length], [["1 mentor:3 sent"], 1]);
});

outboxTest("what was not told of an attempt whose id is another's by now is never told", async (box) => {
  await box.mentor(3);
  await row(box, 1, { incarnation: 2 });
  await box.event({ student: 17, mentors: [3], attempt: 1 });
  await box.round(box.notifier());
  assert.deepEqual([await box.states(), box.standIn.messages.length], [["1 mentor:3 suppressed row_missing"], 0]);
});
