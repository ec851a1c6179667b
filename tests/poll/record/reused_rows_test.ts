import assert from "node:assert/strict";
import type { AttemptRow, RowState } from "../../../lib/model/attempt.ts";
import { recordBatch } from "../../../lib/poll/record/record_batch.ts";
import { StaleBatchError } from "../../../lib/poll/record/recording.ts";
import { migrate } from "../../../lib/state/migrate.ts";
import { statesByKeys } from "../../../lib/poll/record/row_states.ts";
import { migrations } from "../../../sql/state/migrations/manifest.ts";
import { attempt, batch, change, hashOf, history, options, stateOf, told } from "./batches.ts";
import { forEachState, serverTest, withEmptyState } from "../../support/state/with_state.ts";
import { startPolling } from "./start_polling.ts";

/** Another attempt under the id of `before`. */
function reused(row: AttemptRow, before: RowState) {
  const incarnation = before.incarnation + 1;
  return change(row, told(row, { incarnation, change: "reused" }), before, { incarnation });
}

forEachState("P12: recordBatch() stores another attempt under a known id, with nothing of the first", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const first = attempt("2");
  await recordBatch(db, lease, batch(stream, pollId, [change(first, told(first))]), options);
  const known = async (id: string) => (await statesByKeys(db, stream, [id])).get(id) ?? assert.fail();
  const second = attempt("2", { studentId: "8", activityId: "140", hash: hashOf("second") });
  const again = batch(stream, pollId, [reused(second, await known("2"))]);
  const result = await recordBatch(db, lease, again, options);
  assert.deepEqual([result.events, result.toTell, result.rewrittenToTell], [1, 1, 1]);
  const events = await db.sql`
    select event_id, student_id, activity_id, incarnation, revision, change, attempt_no,
           activity_metadata -> 'supersedes' as supersedes from lmsmon.lms_activity_events order by event_id`;
  const last = { ...events[1] };
  assert.deepEqual(last, {
    event_id: last["event_id"],
    student_id: "8",
    activity_id: "140",
    incarnation: 2,
    revision: 1,
    change: "reused",
    attempt_no: 1,
    supersedes: null,
  });
  assert.deepEqual(await known("2"), stateOf(second, { incarnation: 2, lastEventId: String(last["event_id"]) }));
  // Whoever compared with the first attempt compared with what is gone.
  await assert.rejects(recordBatch(db, lease, again, options), StaleBatchError);
  const stale = { ...await known("2"), incarnation: 1 };
  await assert.rejects(recordBatch(db, lease, batch(stream, pollId, [reused(first, stale)]), options), StaleBatchError);
});

forEachState("P12: the number of a try counts attempts, not row ids, and nobody else's", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const rows = ["2", "50"].map((id) => attempt(id));
  await recordBatch(db, lease, batch(stream, pollId, rows.map((row) => change(row, told(row)))), options);
  const tries = async () =>
    (await db.sql`select attempt_id, incarnation, attempt_no from lmsmon.lms_activity_events order by event_id`)
      .map((row) => `${row["attempt_id"]}/${row["incarnation"]}: ${row["attempt_no"]}`);
  const reuse = async (over: Partial<AttemptRow>) => {
    const before = (await statesByKeys(db, stream, ["2"])).get("2") ?? assert.fail();
    const row = attempt("2", { hash: hashOf(JSON.stringify(over)), ...over });
    await recordBatch(db, lease, batch(stream, pollId, [reused(row, before)]), options);
  };
  await reuse({ studentId: "8" });
  await reuse({ score: 11 }); // the first student's again: a third try, though the id is low
  const third = (await statesByKeys(db, stream, ["2"])).get("2") ?? assert.fail();
  const later = attempt("60");
  await recordBatch(db, lease, batch(stream, pollId, [change(later, told(later))]), options);
  // A correction of it keeps its number, whatever came since.
  const corrected = attempt("2", { hash: hashOf("corrected"), score: 12 });
  const event = told(corrected, { incarnation: 3, revision: 2, change: "score" });
  const over = { incarnation: 3, revision: 2 };
  await recordBatch(db, lease, batch(stream, pollId, [change(corrected, event, third, over)]), options);
  assert.deepEqual(await tries(), ["2/1: 1", "50/1: 2", "2/2: 1", "2/3: 3", "60/1: 4", "2/3: 3"]);
});

forEachState("P12: many reused rows at once are stored as one is, by whatever way many go", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const rows = Array.from({ length: 700 }, (_, i) => attempt(String(i + 1)));
  await recordBatch(db, lease, batch(stream, pollId, rows.map((row) => change(row, history(row)))), options);
  const states = await statesByKeys(db, stream, rows.map(({ id }) => id));
  const others = rows.map((row) => ({ ...row, studentId: "8", hash: hashOf(`other ${row.id}`) }));
  const changes = others.map((row) => reused(row, states.get(row.id) ?? assert.fail()));
  await recordBatch(db, lease, batch(stream, pollId, changes), options);
  const [found] = await db.sql`
    select (select count(*)::int from lmsmon.row_states where incarnation = 2 and student_id = 8 and missing_since is null) as states,
           (select count(*)::int from lmsmon.lms_activity_events where incarnation = 2 and student_id = 8) as events,
           (select count(*)::int from lmsmon.lms_activity_events where incarnation = 1 and student_id = 7) as first`;
  assert.deepEqual({ ...found }, { states: 700, events: 700, first: 700 });
});

forEachState("P12: a row state without student or activity has those of its last event", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const [row, bare] = [attempt("1"), attempt("2")];
  await recordBatch(db, lease, batch(stream, pollId, [change(row, told(row)), change(bare)]), options);
  await db.sql`update lmsmon.row_states set student_id = null, activity_id = null`;
  const states = await statesByKeys(db, stream, ["1", "2"]);
  assert.deepEqual([...states.values()].map((s) => [s.id, s.studentId, s.activityId, s.incarnation]).sort(), [
    ["1", "7", "133", 1],
    ["2", null, null, 1],
  ]);
});

serverTest("the migration to row identities rewrites no row", () =>
  withEmptyState("server", async ({ sql }) => {
    await migrate(sql, migrations.filter(({ version }) => version < 4));
    await sql`insert into lmsmon.row_states (stream_id, row_key, hash, recipe, stage) select 1, i, i, 1, 2 from generate_series(1, 9) i`;
    const files = () =>
      sql`select pg_relation_filenode('lmsmon.row_states') as states, pg_relation_filenode('lmsmon.lms_activity_events') as events`;
    const before = await files();
    await migrate(sql);
    assert.deepEqual(await files(), before);
    const [row] =
      await sql`select student_id, activity_id, incarnation, missing_at_pass from lmsmon.row_states limit 1`;
    assert.deepEqual({ ...row }, { student_id: null, activity_id: null, incarnation: 1, missing_at_pass: null });
  }));
