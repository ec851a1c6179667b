import assert from "node:assert/strict";
import type { RowChange } from "../../../lib/poll/record/batch.ts";
import {
  beginPoll,
  closeAbandonedPolls,
  failPoll,
  finishPoll,
  type FuseSettings,
  type PollCounts,
} from "../../../lib/poll/record/poll_runs.ts";
import { recordBatch } from "../../../lib/poll/record/record_batch.ts";
import { dropPoll, listHeld, releasePoll } from "../../../lib/poll/record/release.ts";
import { acquireLease } from "../../../lib/state/leases.ts";
import { statesByKeys } from "../../../lib/poll/record/row_states.ts";
import type { StateDb } from "../../../lib/state/state_db.ts";
import { LmsError } from "../../../lib/base/errors.ts";
import { forEachState } from "../../support/state/with_state.ts";
import { attempt, batch, change, hashOf, NOW, options, person, told } from "./batches.ts";
import { type Polling, startPolling } from "./start_polling.ts";

const COUNTS: PollCounts = { rowsRead: 10, rowsMissing: 1, regressions: 2, skippedFullPass: false, unreadableTexts: 3 };
const fuse = (messagesPerPoll: number, revisionsPerPoll = 500, digestAbove = 1): FuseSettings => ({
  fuse: { messagesPerPoll, revisionsPerPoll },
  digestAbove,
});

/** `n` told events of student 7 (mentors 2 and 3), and one of student 8, who has no mentor. */
async function tell({ db, lease, stream, pollId }: Polling, n: number): Promise<void> {
  const changes: RowChange[] = Array.from({ length: n }, (_, i) => {
    const row = attempt(String(100 + i));
    return change(row, told(row));
  });
  const lonely = attempt("99", { studentId: "8" });
  await recordBatch(db, lease, batch(stream, pollId, [...changes, change(lonely, told(lonely))]), options);
}

const statuses = async (db: StateDb) =>
  (await db.sql`
    select coalesce(recipient, '-') as recipient, status, reason, count(*)::int as n from lmsmon.lms_event_logs
     group by 1, 2, 3 order by 1, 2`).map((r) => [r.recipient, r.status, r.reason, r.n]);

forEachState("finishPoll() opens a poll within the limits and counts what it would send", async (db) => {
  const polling = await startPolling(db);
  await tell(polling, 3);
  const verdict = await finishPoll(db, polling.lease, polling.pollId, COUNTS, fuse(2));
  assert.deepEqual(verdict, {
    delivery: "open",
    reason: null,
    messages: 2, // three each for two mentors: one digest each; no message for the student without mentors
    recipients: 2,
    eventsToTell: 4,
    rewrittenToTell: 0,
    reusedToTell: 0,
  });
  const [run] = await db.sql`select * from lmsmon.poll_runs`;
  assert.deepEqual(
    [run?.status, run?.delivery, run?.rows_read, run?.rows_changed, run?.events, run?.rows_missing, run?.regressions],
    ["done", "open", "10", "4", "4", "1", "2"],
  );
  assert.equal(run?.unreadable_texts, "3");
  assert.ok(run?.finished_at !== null);
});

forEachState("a poll is weighed where digest_above is beyond 31 bits: one message for each row", async (db) => {
  const polling = await startPolling(db);
  await tell(polling, 3);
  const verdict = await finishPoll(db, polling.lease, polling.pollId, COUNTS, fuse(500, 500, 10 ** 12));
  assert.equal(verdict.messages, 6);
});

forEachState("P11: finishPoll() holds a poll that would send too much, until it is released", async (db) => {
  const polling = await startPolling(db);
  await tell(polling, 3);
  const verdict = await finishPoll(db, polling.lease, polling.pollId, COUNTS, fuse(5, 500, 3));
  assert.equal(verdict.messages, 6, "up to digest_above, one message each");
  assert.equal(verdict.delivery, "held");
  assert.match(verdict.reason ?? "", /6 messages.*5/);
  assert.deepEqual(await statuses(db), [
    ["-", "held", "fuse", 1],
    ["mentor:2", "held", "fuse", 3],
    ["mentor:3", "held", "fuse", 3],
  ]);
  const [held] = await listHeld(db, "testpress", 3);
  assert.deepEqual(
    [held?.pollId, held?.messages, held?.events, held?.recipients, held?.rewritten, held?.withoutMentor],
    [polling.pollId, 6, 4, 2, 0, 1],
  );
  // A round of deliveries that looked meanwhile found nothing to do.
  await db.sql`update lmsmon.recipients set next_due_at = null`;
  assert.equal(await releasePoll(db, "other", polling.pollId), false);
  assert.equal(await releasePoll(db, "testpress", polling.pollId), true);
  assert.equal(await releasePoll(db, "testpress", polling.pollId), false);
  assert.deepEqual(await statuses(db), [
    ["-", "waiting", "no_mentor", 1],
    ["mentor:2", "pending", null, 3],
    ["mentor:3", "pending", null, 3],
  ]);
  assert.equal((await db.sql`select 1 from lmsmon.recipients where next_due_at <= now()`).length, 2);
  assert.equal((await db.sql`select delivery from lmsmon.poll_runs`)[0]?.delivery, "open");
  assert.deepEqual(await listHeld(db, "testpress", 3), []);
});

forEachState("P11: finishPoll() counts corrections apart, and a first result is none", async (db) => {
  const polling = await startPolling(db);
  const { lease, stream, pollId } = polling;
  await tell(polling, 3);
  await finishPoll(db, lease, pollId, COUNTS, fuse(1000));
  const next = await beginPoll(db, lease, "full");
  const before = await statesByKeys(db, stream, ["100", "101", "102"]);
  const kinds = ["verdict", "score", "first_result"] as const;
  const changes = [...before.values()].map((state, i) => {
    const row = attempt(state.id, { hash: hashOf(`again ${i}`), score: 3 });
    return change(row, told(row, { revision: 2, change: kinds[i] ?? null }), state, { revision: 2 });
  });
  await recordBatch(db, lease, batch(stream, next, changes), options);
  const verdict = await finishPoll(db, lease, next, COUNTS, fuse(1000, 1));
  assert.equal(verdict.rewrittenToTell, 2);
  assert.equal(verdict.delivery, "held");
  assert.match(verdict.reason ?? "", /2 corrected/);
  assert.equal((await listHeld(db, "testpress", 1))[0]?.rewritten, 2);
});

forEachState("dropPoll() suppresses held messages with a reason that stays", async (db) => {
  const polling = await startPolling(db);
  await tell(polling, 1);
  await finishPoll(db, polling.lease, polling.pollId, COUNTS, fuse(0));
  assert.equal(await dropPoll(db, "testpress", polling.pollId, "restored from backup"), true);
  assert.deepEqual(await statuses(db), [
    ["-", "suppressed", "dropped: restored from backup", 1],
    ["mentor:2", "suppressed", "dropped: restored from backup", 1],
    ["mentor:3", "suppressed", "dropped: restored from backup", 1],
  ]);
  assert.equal((await db.sql`select delivery from lmsmon.poll_runs`)[0]?.delivery, "dropped");
  assert.equal(await releasePoll(db, "testpress", polling.pollId), false);
});

forEachState("failPoll() keeps what was recorded and lets it out through the same fuse", async (db) => {
  const polling = await startPolling(db);
  await tell(polling, 1);
  const error = new LmsError("timeout", "Cannot read the LMS: no answer in 30 s");
  const verdict = await failPoll(db, polling.lease, polling.pollId, COUNTS, fuse(100), error);
  assert.equal(verdict.delivery, "open");
  const [run] = await db.sql`select status, error from lmsmon.poll_runs`;
  assert.deepEqual({ ...run }, { status: "failed", error: "Cannot read the LMS: no answer in 30 s" });
  const next = await beginPoll(db, polling.lease, "quick");
  await failPoll(db, polling.lease, next, COUNTS, fuse(100), new Error("student x@y.example"));
  assert.equal((await db.sql`select error from lmsmon.poll_runs where poll_id = ${next}`)[0]?.error, "Error");
});

forEachState("closeAbandonedPolls() ends the polls of a dead process through the fuse", async (db) => {
  const dead = await startPolling(db);
  await tell(dead, 3);
  const { lease } = await acquireLease(db, "testpress", "h:2:b", 60_000, dead.lease.holder);
  assert.ok(lease);
  const closed = await closeAbandonedPolls(db, lease, fuse(1));
  assert.deepEqual(closed.map((c) => [c.pollId, c.delivery, c.messages]), [[dead.pollId, "held", 2]]);
  const [run] = await db.sql`select status, delivery, events from lmsmon.poll_runs`;
  assert.deepEqual({ ...run }, { status: "abandoned", delivery: "held", events: "4" });
  assert.deepEqual(await closeAbandonedPolls(db, lease, fuse(1)), []);
});

forEachState(
  "finishPoll() wakes recipients that a round of deliveries put to sleep while the poll was undecided",
  async (db) => {
    const polling = await startPolling(db);
    await tell(polling, 1);
    await db.sql`update lmsmon.recipients set next_due_at = null`;
    await finishPoll(db, polling.lease, polling.pollId, COUNTS, { fuse: null, digestAbove: 1 });
    const rows = await db.sql`select next_due_at from lmsmon.recipients`;
    assert.deepEqual(rows.map((r) => r.next_due_at.epochNanoseconds), [BigInt(NOW) * 1000n, BigInt(NOW) * 1000n]);
  },
);

forEachState("finishPoll() counts what waits for a digest time as the digests it becomes", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const changes = Array.from({ length: 6 }, (_, i) => {
    const row = attempt(String(i + 1));
    const later = { status: "waiting", reason: "digest", dueAt: NOW + 1000 * (i % 2) } as const;
    return change(row, i < 4 ? { ...told(row), tell: later } : told(row));
  });
  const people = [person("student", "7")];
  await recordBatch(db, lease, batch(stream, pollId, changes, { people, links: new Map([["7", ["2"]]]) }), options);
  const verdict = await finishPoll(db, lease, pollId, COUNTS, fuse(100));
  assert.equal(verdict.messages, 3, "two digest times and one message now");
});
