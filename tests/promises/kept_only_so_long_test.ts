import assert from "node:assert/strict";
import { keptForConsumers } from "../../sql/state/retention.ts";
import { noSuchEvent } from "../../lib/app/find_subject.ts";
import { logger } from "../../lib/base/log.ts";
import type { RetentionConfig } from "../../lib/config/config.ts";
import { readRetention, Retention } from "../../lib/privacy/retention.ts";
import { recordAct } from "../../lib/state/acts.ts";
import { releaseLease } from "../../lib/state/leases.ts";
import { SOURCE, TestClock } from "../tell/outbox_fixture.ts";
import { atEveryPlace, type PollBench } from "../poll/poll_bench.ts";

const DAY_MS = 86_400_000;
const KEEP: RetentionConfig = { eventsMs: 400 * DAY_MS, messageTextMs: null, auditMs: null };
const utcNow = () => Temporal.Now.instant().toString({ fractionalSecondDigits: 0 }).slice(0, 19).replace("T", " ");
const passed = (score: number) => ({ state: "Completed", result: "Pass", score, percentage: 80, date: utcNow() });

/** Retention as if so many days had passed since everything else. */
async function afterDays(bench: PollBench, days: number, keep: RetentionConfig, signal = new AbortController().signal) {
  const clock = new TestClock();
  clock.advance(days * DAY_MS);
  const lease = await bench.lease();
  // One row a transaction, and as many slices as it takes.
  const deps = { db: bench.db, clock, log: logger("retention"), source: SOURCE, keep, batch: 1 };
  try {
    await new Retention({ ...deps, sliceMs: Infinity }).afterPoll(lease, signal);
  } finally {
    await releaseLease(bench.db, lease);
  }
}

const texts = async ({ db }: PollBench) =>
  (await db.sql<{ content: string }[]>`select content from lmsmon.messages order by message_id`).map((row) =>
    row.content
  );

atEveryPlace("what is older than `retention` goes, and nothing is told twice for it", {}, async (bench) => {
  const { db, writer } = bench;
  const { student, zulipId } = await bench.pair();
  const exam = await writer.exam({ title: "Algebra" });
  await bench.firstContact();
  for (const id of [1, 2, 3]) await writer.attempt({ id, user_id: student, exam_id: exam, ...passed(80 + id) });
  await bench.poll();
  await bench.deliver();
  const told = () => bench.standIn.dmsTo(zulipId).length;
  assert.equal(told(), 1);
  const logs = await bench.logs();
  assert.deepEqual(logs, { sent: 3 });

  // Not yet told, and not yet taken by whoever takes the export step by step: both keep an event.
  await writer.attempt({ id: 4, user_id: student, exam_id: exam, ...passed(90) });
  await bench.poll();
  await db
    .sql`insert into lmsmon.consumers (name, acknowledged) select 'ai', min(event_id) from lmsmon.lms_activity_events`;
  const stopped = new AbortController();
  stopped.abort();
  await afterDays(bench, 500, KEEP, stopped.signal);
  await afterDays(bench, 399, KEEP);
  assert.equal((await bench.events()).length, 4);
  await afterDays(bench, 401, KEEP);
  assert.deepEqual((await bench.events()).map(({ attempt_id }) => attempt_id), ["2", "3", "4"]);
  const inTheFuture = bench.clock.now() + DAY_MS * 1000;
  assert.deepEqual([...await keptForConsumers(db.sql, SOURCE, inTheFuture)].map((row) => ({ ...row })), [
    { name: "ai", events: "2" },
  ]);
  await db.sql`update lmsmon.consumers set acknowledged = 1000000`;
  await afterDays(bench, 401.5, KEEP);
  assert.equal((await bench.events()).length, 3, "once a day");
  await afterDays(bench, 403, KEEP);
  assert.deepEqual((await bench.events()).map(({ attempt_id }) => attempt_id), ["4"], "not told yet, and the newest");
  assert.deepEqual(await bench.logs(), { ...logs, pending: 1 });
  assert.deepEqual(await texts(bench), [""]);
  const { at, ...taken } = await readRetention(db, SOURCE) ?? assert.fail();
  assert.ok(at > bench.clock.now());
  assert.deepEqual([taken.events, taken.message_texts, taken.acts], [2, 0, 0]);
  assert.match((await noSuchEvent(db, SOURCE, taken.highest_event)).message, /retention\.events took/);
  assert.match((await noSuchEvent(db, SOURCE, "99999")).message, /Cannot find event 99999 in \w+$/);
  assert.match((await noSuchEvent(db, SOURCE, "0")).message, /Cannot find event 0 in \w+$/, "there never was one");

  // Every row is looked at anew: what was told is not told again, what was pending is.
  await db.sql`update lmsmon.row_states set recipe = 0`;
  await db.sql`delete from lmsmon.row_buckets`;
  const { tally } = await bench.poll();
  assert.deepEqual([tally.events, tally.rowsRead >= 4], [0, true]);
  await bench.deliver();
  assert.equal(told(), 2);

  // A result that changes later: the verdict of before stands with the row.
  await writer.updateAttempt(1, { result: "Fail", score: 3, percentage: 2 });
  assert.equal((await bench.poll()).tally.events, 1);
  const [revision] = await db.sql<{ event_type: string; revision: number; previous: unknown; student_id: string }[]>`
    select event_type, revision, activity_metadata -> 'previous' as previous, student_id from lmsmon.lms_activity_events
     where attempt_id = 1`;
  assert.deepEqual({ ...revision }, {
    event_type: "exam_failed",
    revision: 2,
    previous: { verdict: "pass", score: 81, percentage: 80 },
    student_id: String(student),
  });
  await bench.deliver();
  assert.equal(told(), 3);
  assert.match(bench.standIn.dmsTo(zulipId).at(-1)?.content ?? "", /now \*\*failed\*\*.*was passed/);

  // Texts and acts by themselves.
  await recordAct(db.sql, { source: SOURCE, command: "pause", reason: "a strike", effect: "everything paused" });
  await afterDays(bench, 410, { eventsMs: null, messageTextMs: 30 * DAY_MS, auditMs: 30 * DAY_MS });
  assert.deepEqual(await texts(bench), ["", "", ""]);
  assert.deepEqual([...await db.sql`select audit_id from lmsmon.audit`], []);
  await assert.rejects(db.sql`delete from lmsmon.audit`, /only ever added/);
  assert.equal((await readRetention(db, SOURCE))?.highest_event, taken.highest_event);
  assert.equal((await bench.events()).length, 2);
});
