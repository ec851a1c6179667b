import assert from "node:assert/strict";
import { acquireLease } from "../../../lib/state/leases.ts";
import { LeaseLostError } from "../../../lib/base/errors.ts";
import { recordBatch } from "../../../lib/poll/record/record_batch.ts";
import { StaleBatchError } from "../../../lib/poll/record/recording.ts";
import { quarantinedRows, quarantineOddKeys } from "../../../lib/poll/record/quarantine.ts";
import { statesByKeys } from "../../../lib/poll/record/row_states.ts";
import { noteFullPass } from "../../../lib/poll/record/streams.ts";
import { attempt, batch, change, hashOf, history, NOW, options, person, stateOf, THEN, told } from "./batches.ts";
import { forEachState } from "../../support/state/with_state.ts";
import { startPolling } from "./start_polling.ts";

forEachState("P2: recordBatch() writes state, event, people and deliveries together", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const row = attempt("68701");
  const result = await recordBatch(db, lease, batch(stream, pollId, [change(row, told(row))]), options);
  assert.deepEqual(result, {
    events: 1,
    toTell: 1,
    rewrittenToTell: 0,
    recipients: ["mentor:2", "mentor:3"],
    refused: [],
  });
  const [event] = await db.sql`select * from lmsmon.lms_activity_events`;
  assert.equal(event?.student_username, "student7");
  assert.equal(event?.mentor_id, "2");
  assert.equal(event?.mentor_username, "mentor2");
  assert.equal(event?.activity_title, row.activity?.title);
  assert.deepEqual(event?.student_batch_ids, ["4", "9"]);
  assert.equal(event?.attempt_no, 1);
  assert.equal(event?.activity_metadata.percentage, 82.25);
  assert.equal(event?.activity_metadata.supersedes, null);
  assert.equal(event?.timestamp.epochNanoseconds, BigInt(THEN) * 1000n);
  assert.equal(event?.mentor_grace_until, null);
  const logs = await db
    .sql`select recipient, status, reason, length(marker) as marker from lmsmon.lms_event_logs order by 1`;
  assert.deepEqual([...logs], [
    { recipient: "mentor:2", status: "pending", reason: null, marker: 16 },
    { recipient: "mentor:3", status: "pending", reason: null, marker: 16 },
  ]);
  const [set] = await db.sql`select mentor_ids::text as ids, export_json from lmsmon.mentor_sets`;
  assert.deepEqual({ ...set }, {
    ids: "{2,3}",
    export_json: '[{"id":2,"username":null,"email":null},{"id":3,"username":null,"email":null}]',
  });
  const states = await statesByKeys(db, stream, ["68701", "1"]);
  assert.deepEqual([...states.values()], [stateOf(row, { lastEventId: String(event?.event_id) })]);
  const [recipients] = await db.sql`select count(*)::int as n, min(next_due_at) as due from lmsmon.recipients`;
  assert.equal(recipients?.n, 2);
  assert.equal(recipients?.due.epochNanoseconds, BigInt(NOW) * 1000n);
  const [poll] = await db.sql`select events, told_events, rows_changed from lmsmon.poll_runs`;
  assert.deepEqual({ ...poll }, { events: "1", told_events: "1", rows_changed: "1" });
});

forEachState(
  "recordBatch() keeps occurred_at and names the superseded event when it records a revision",
  async (db) => {
    const { lease, stream, pollId } = await startPolling(db);
    const first = attempt("1", { verdict: "fail", result: "Fail", score: 41, percentage: 23 });
    await recordBatch(
      db,
      lease,
      batch(stream, pollId, [change(first, told(first, { occurredAtApproximate: true }))]),
      options,
    );
    const before = (await statesByKeys(db, stream, ["1"])).get("1") ?? null;
    const second = attempt("1", { hash: hashOf("other") });
    const event = told(second, {
      revision: 2,
      change: "verdict",
      occurredAt: THEN + 99,
      previous: before?.reported ?? null,
    });
    const result = await recordBatch(
      db,
      lease,
      batch(stream, pollId, [change(second, event, before, { revision: 2 })]),
      options,
    );
    assert.equal(result.rewrittenToTell, 1);
    const events = await db.sql`
    select event_id, revision, timestamp::text as at, timestamp_approximate, attempt_no, activity_metadata as m
    from lmsmon.lms_activity_events order by event_id`;
    assert.equal(events[1]?.at, events[0]?.at);
    assert.equal(events[1]?.timestamp_approximate, true);
    assert.equal(events[1]?.m.supersedes, Number(events[0]?.event_id));
    assert.deepEqual(events[1]?.m.previous, { verdict: "fail", score: 41, percentage: 23 });
    assert.equal(events[1]?.attempt_no, 1);
  },
);

forEachState("recordBatch() counts earlier tries of the student at the same activity", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const [a, b, c] = [attempt("1"), attempt("5"), attempt("9")];
  await recordBatch(db, lease, batch(stream, pollId, [change(a, told(a))]), options);
  await recordBatch(db, lease, batch(stream, pollId, [change(c, told(c)), change(b, told(b))]), options);
  const rows = await db.sql`select attempt_id, attempt_no from lmsmon.lms_activity_events order by 1`;
  assert.deepEqual(rows.map((r) => r.attempt_no), [1, 2, 3]);
});

forEachState("recordBatch() lets a told event without a mentor wait for one", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const row = attempt("1");
  await recordBatch(db, lease, batch(stream, pollId, [change(row, told(row))], { links: new Map() }), options);
  const [log] = await db.sql`select recipient, status, reason, marker from lmsmon.lms_event_logs`;
  assert.deepEqual({ ...log }, { recipient: null, status: "waiting", reason: "no_mentor", marker: null });
  const [event] = await db.sql`select mentor_grace_until, mentor_set_id from lmsmon.lms_activity_events`;
  assert.equal(event?.mentor_grace_until.epochNanoseconds, BigInt(NOW + 86_400_000_000) * 1000n);
  assert.equal(event?.mentor_set_id, null);
});

forEachState("P10: recordBatch() keeps the reason of a suppressed event on the event only", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const row = attempt("1");
  await recordBatch(db, lease, batch(stream, pollId, [change(row, history(row))]), options);
  const [event] = await db.sql`select origin, suppressed_reason from lmsmon.lms_activity_events`;
  assert.deepEqual({ ...event }, { origin: "backfill", suppressed_reason: "first_contact" });
  assert.equal((await db.sql`select 1 from lmsmon.lms_event_logs`).length, 0);
});

forEachState("P1: recordBatch() refuses a batch that was recorded already", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const row = attempt("1");
  const again = batch(stream, pollId, [change(row, told(row))]);
  await recordBatch(db, lease, again, options);
  await assert.rejects(recordBatch(db, lease, again, options), StaleBatchError);
  const many = Array.from({ length: 600 }, (_, i) => attempt(String(i + 1)));
  const direct = batch(stream, pollId, many.map((r) => change(r, history(r))));
  await assert.rejects(recordBatch(db, lease, direct, options), StaleBatchError);
  const [count] = await db.sql`select count(*)::int as n from lmsmon.lms_activity_events`;
  assert.equal(count?.n, 1);
});

forEachState("P2: recordBatch() writes nothing when the lease was taken over", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const { lease: other } = await acquireLease(db, "testpress", "host:2:b", 60_000, "host:1:a");
  assert.ok(other && other.token > lease.token);
  const row = attempt("1");
  await assert.rejects(
    recordBatch(db, lease, batch(stream, pollId, [change(row, told(row))]), options),
    LeaseLostError,
  );
  assert.equal((await db.sql`select 1 from lmsmon.row_states`).length, 0);
  assert.equal((await db.sql`select 1 from lmsmon.people`).length, 0);
  await recordBatch(db, other, batch(stream, pollId, [change(row, told(row))]), options);
});

for (const size of [5, 700]) {
  forEachState(`P9: recordBatch() quarantines the bad rows among ${size} and records the others`, async (db) => {
    const { lease, stream, pollId } = await startPolling(db);
    const rows = Array.from({ length: size }, (_, i) => attempt(String(i + 1)));
    rows[2] = attempt("3", { studentUsername: "x", activity: { ...attempt("3").activity, title: "a\0b" } as never });
    rows[4] = attempt("5", { activityId: "99999999999999999999" });
    const result = await recordBatch(
      db,
      lease,
      batch(stream, pollId, rows.map((r) => change(r, told(r)))),
      options,
    );
    assert.equal(result.events, size - 2);
    assert.deepEqual(result.refused.map((r) => r.id).sort(), ["3", "5"]);
    assert.deepEqual(result.recipients, ["mentor:2", "mentor:3"]);
    const kept = await quarantinedRows(db, stream);
    assert.deepEqual(kept.map((r) => r.id), ["3", "5"]);
    assert.match(kept[0]?.reason ?? "", /NUL/);
    assert.match(kept[1]?.reason ?? "", /out of range/);
    assert.ok(!kept.some((r) => r.reason.includes("9999")));
    assert.equal((await db.sql`select 1 from lmsmon.row_states`).length, size - 2);
    // The LMS is repaired: the row is recorded and leaves quarantine.
    const good = attempt("3");
    await recordBatch(db, lease, batch(stream, pollId, [change(good, told(good))]), options);
    assert.deepEqual((await quarantinedRows(db, stream)).map((r) => r.id), ["5"]);
  });
}

forEachState("P9: recordBatch() stores a person whose name holds a NUL", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const row = attempt("1");
  const people = [person("student", "7", { name: "A\0B" })];
  const result = await recordBatch(db, lease, batch(stream, pollId, [change(row, told(row))], { people }), options);
  assert.equal(result.events, 1);
  assert.equal((await db.sql`select name from lmsmon.people`)[0]?.name, "A\uFFFDB");
});

forEachState("noteFullPass() forgets quarantined rows that the LMS no longer has", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const [gone, bad, unreadable] = ["1", "2", "3"].map((id) =>
    attempt(id, { studentUsername: "a\0b", studentId: null })
  );
  assert.ok(gone && bad && unreadable);
  const record = (row: typeof bad) => recordBatch(db, lease, batch(stream, pollId, [change(row, told(row))]), options);
  await record(gone);
  await record(bad);
  const kept = { ...change(unreadable, null, null, { open: true, stage: "none" }), quarantine: 'no state "x"' };
  await recordBatch(db, lease, batch(stream, pollId, [kept]), options);
  await noteFullPass(db, lease, stream);
  assert.deepEqual((await quarantinedRows(db, stream)).map((r) => r.id), ["1", "2", "3"]);
  await record(bad);
  await noteFullPass(db, lease, stream);
  assert.deepEqual((await quarantinedRows(db, stream)).map((r) => [r.id, r.tries]), [["2", 2], ["3", 1]]);
});

forEachState(
  "noteFullPass() knows what a pass met while the clock stands still, and after it was set back",
  async (db) => {
    const { lease, stream, pollId } = await startPolling(db);
    const record = async (id: string) => {
      const row = attempt(id, { studentUsername: "a\0b", studentId: null });
      await recordBatch(db, lease, batch(stream, pollId, [change(row, told(row))]), options);
      await quarantineOddKeys(db, lease, stream, [{ key: `${id}.5`, reason: "is no whole number" }]);
    };
    const kept = async () => {
      const odd = await db.sql<{ row_key: string }[]>`select row_key from lmsmon.quarantined_keys order by 1`;
      return [...(await quarantinedRows(db, stream)).map(({ id }) => id), ...odd.map(({ row_key }) => row_key)];
    };
    await record("1");
    await record("2");
    await noteFullPass(db, lease, stream);
    for (const table of ["quarantine", "quarantined_keys"]) {
      await db.sql.unsafe(
        `update lmsmon.${table} q set last_seen = s.last_full_pass_at from lmsmon.streams s where s.stream_id = q.stream_id`,
      );
    }
    await record("2");
    await noteFullPass(db, lease, stream);
    assert.deepEqual(await kept(), ["2", "2.5"]);
    await db.sql`update lmsmon.streams set last_full_pass_at = last_full_pass_at + interval '1 hour'`;
    await record("2");
    await noteFullPass(db, lease, stream);
    assert.deepEqual(await kept(), ["2", "2.5"]);
  },
);
