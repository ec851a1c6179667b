import assert from "node:assert/strict";
import { dropPoll, listHeld, releasePoll } from "../../lib/poll/record/release.ts";
import { LmsError } from "../../lib/base/errors.ts";
import type { PollBench } from "../poll/poll_bench.ts";
import { atOnePlace } from "../poll/poll_bench.ts";
import { wrappedSource } from "../poll/wrapped_source.ts";
import { SOURCE } from "../tell/outbox_fixture.ts";

const utcNow = () => Temporal.Now.instant().toString({ fractionalSecondDigits: 0 }).slice(0, 19).replace("T", " ");
const passed = () => ({ state: "Completed", result: "Pass", score: 80, percentage: 80, date: utcNow() });
const FUSE = { notify: { fuse: { messagesPerPoll: 3, revisionsPerPoll: 2 } } };

async function mentors(bench: PollBench, n: number) {
  const pairs = [];
  for (let i = 0; i < n; i++) pairs.push(await bench.pair());
  await bench.firstContact();
  return pairs;
}

atOnePlace(
  "P11: a poll of too many messages is held, the administrator is told once, later polls go on, release sends it",
  FUSE,
  async (bench) => {
    const pairs = await mentors(bench, 4);
    for (const [i, { student }] of pairs.entries()) {
      await bench.writer.attempt({
        id: i + 1,
        user_id: student,
        ...passed(),
      });
    }
    const held: string[] = [];
    const poll = await bench.poll({ onHeld: (pollId) => held.push(pollId) });
    assert.equal(poll.verdict.delivery, "held");
    assert.deepEqual(held, [poll.pollId]);
    await bench.deliver();
    await bench.deliver();
    const admin = bench.standIn.dmsTo(bench.standIn.owner.id);
    assert.equal(admin.length, 1);
    assert.match(admin[0]?.content ?? "", /4 messages in one poll, more than 3/);
    assert.equal(bench.standIn.messages.length, 1);
    assert.deepEqual(await bench.logs(), { "held fuse": 4 });

    await bench.writer.attempt({ id: 9, user_id: pairs[0]?.student ?? 0, ...passed() });
    assert.equal((await bench.poll()).verdict.delivery, "open");
    await bench.deliver();
    assert.equal(bench.standIn.messages.length, 2);

    assert.deepEqual((await listHeld(bench.db, SOURCE, 1)).map((h) => [h.pollId, h.messages]), [[poll.pollId, 4]]);
    assert.equal(await releasePoll(bench.db, SOURCE, poll.pollId), true);
    await bench.deliver();
    assert.equal(bench.standIn.messages.length, 6);
    assert.equal(await releasePoll(bench.db, SOURCE, poll.pollId), false);
  },
);

atOnePlace(
  "P11: a held result that was corrected and told meanwhile is not told after its correction; others still are",
  FUSE,
  async (bench) => {
    const pairs = await mentors(bench, 4);
    for (const [i, { student }] of pairs.entries()) {
      await bench.writer.attempt({ id: i + 1, user_id: student, ...passed() });
    }
    const held = await bench.poll();
    assert.equal(held.verdict.delivery, "held");
    await bench.deliver();
    await bench.writer.updateAttempt(1, { result: "Fail", score: 10, percentage: 10 });
    await bench.poll();
    await bench.deliver();
    await bench.writer.updateAttempt(1, { result: "Pass", score: 70, percentage: 70 });
    await bench.writer.updateAttempt(2, { result: "Fail", score: 10, percentage: 10 });
    const later = await bench.poll();
    assert.equal(later.verdict.delivery, "open");
    assert.equal(await releasePoll(bench.db, SOURCE, held.pollId), true);
    await bench.deliver();
    assert.deepEqual(await bench.logs(), { "sent": 6, "suppressed overtaken": 1 });
    const toldOf = (n: number) => bench.standIn.dmsTo(pairs[n]?.zulipId ?? 0).map((message) => message.content);
    assert.deepEqual(toldOf(0).map((content) => /now \*\*(\w+)/.exec(content)?.[1]), ["failed", "passed"]);
    assert.equal(toldOf(1).length, 1, "together with the correction");
    assert.match(toldOf(1)[0] ?? "", /now \*\*failed\*\*.*\(was passed\)/);
  },
);

atOnePlace("P11: a re-evaluation of too many results is held and can be dropped with a reason", FUSE, async (bench) => {
  const [pair] = await mentors(bench, 1);
  for (let id = 1; id <= 3; id++) await bench.writer.attempt({ id, user_id: pair?.student ?? 0, ...passed() });
  await bench.poll();
  await bench.deliver();
  const before = bench.standIn.messages.length;
  await bench.lms.execute("update attempts set result = 'Fail', percentage = 10, score = 10"); // a changed pass mark
  const poll = await bench.poll();
  assert.equal(poll.verdict.reason, "3 corrected results in one poll, more than 2");
  await bench.deliver();
  assert.equal(bench.standIn.messages.length, before + 1, "only the administrator hears");
  assert.equal(await dropPoll(bench.db, SOURCE, poll.pollId, "pass mark changed by mistake"), true);
  await bench.deliver();
  assert.equal(bench.standIn.messages.length, before + 1);
  assert.deepEqual(Object.keys(await bench.logs()).sort(), [
    "sent",
    "suppressed dropped: pass mark changed by mistake",
  ]);
});

atOnePlace("P11: the fuse also holds what a failing poll recorded, and says so", FUSE, async (bench) => {
  const pairs = await mentors(bench, 4);
  for (const [i, { student }] of pairs.entries()) {
    await bench.writer.attempt({ id: i + 1, user_id: student, ...passed() });
  }
  const source = await bench.source();
  const held: string[] = [];
  const fails = wrappedSource(source, {
    firstIdFrom: (kind, from) =>
      kind === "content" ? Promise.reject(new LmsError("unreachable", "gone")) : source.firstIdFrom(kind, from),
  });
  await assert.rejects(bench.poll({ source: fails, onHeld: (pollId) => held.push(pollId) }), LmsError);
  assert.equal(held.length, 1);
  await bench.deliver();
  assert.equal(bench.standIn.dmsTo(bench.standIn.owner.id).length, 1);
  assert.equal(bench.standIn.messages.length, 1);
});

atOnePlace("P11: a poll whose process died is closed by the next one, through the fuse", FUSE, async (bench) => {
  const pairs = await mentors(bench, 4);
  for (const [i, { student }] of pairs.entries()) {
    await bench.writer.attempt({ id: i + 1, user_id: student, ...passed() });
  }
  const { pollId } = await bench.poll();
  await bench.db
    .sql`update lmsmon.poll_runs set status = 'running', delivery = 'undecided', delivery_reason = null where poll_id = ${pollId}::bigint`;
  await bench.db.sql`update lmsmon.lms_event_logs set status = 'pending', reason = null`;
  await bench.deliver();
  assert.equal(bench.standIn.messages.length, 0, "nothing leaves before the poll is decided");
  const held: string[] = [];
  await bench.poll({ onHeld: (id) => held.push(id) });
  assert.deepEqual(held, [pollId]);
  assert.deepEqual(await bench.logs(), { "held fuse": 4 });
});
