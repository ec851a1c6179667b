import assert from "node:assert/strict";
import { acquireLease } from "../../../lib/state/leases.ts";
import { recordBatch } from "../../../lib/poll/record/record_batch.ts";
import { bucketSums, keyHashes, statesByKeys } from "../../../lib/poll/record/row_states.ts";
import {
  completeFirstContact,
  ensureStreams,
  noteFullPass,
  noteHighestKey,
  readStreams,
} from "../../../lib/poll/record/streams.ts";
import { stateKnownRows } from "../../../lib/poll/state_edges.ts";
import type { StateDb } from "../../../lib/state/state_db.ts";
import { LeaseLostError } from "../../../lib/base/errors.ts";
import { forEachState } from "../../support/state/with_state.ts";
import { attempt, batch, change, history, options } from "./batches.ts";
import { startPolling } from "./start_polling.ts";

const examStream = async (db: StateDb) => (await readStreams(db, "testpress")).find(({ kind }) => kind === "exam");

const WANTED = [{ kind: "exam", recipe: 1 }, { kind: "content", recipe: 1 }] as const;

forEachState("ensureStreams() makes the streams once, in the order asked for", async (db) => {
  const first = await ensureStreams(db, "testpress", WANTED);
  assert.deepEqual(first.map((s) => [s.kind, s.recipe, s.firstContactDone, s.highestRowKey, s.lastFullPassAt]), [
    ["exam", 1, false, null, null],
    ["content", 1, false, null, null],
  ]);
  for (let i = 0; i < 5; i++) assert.deepEqual(await ensureStreams(db, "testpress", WANTED), first);
  const [other] = await ensureStreams(db, "other", [{ kind: "exam", recipe: 1 }]);
  assert.equal(other?.streamId, (first.at(-1)?.streamId ?? 0) + 1, "no number of the small column is used up");
});

forEachState("streams remember first contact, highest key and full pass", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  assert.equal(await stateKnownRows(db).isEmpty(stream), true);
  const rows = ["9", "10", "100"].map((id) => attempt(id));
  await recordBatch(db, lease, batch(stream, pollId, rows.map((row) => change(row, history(row)))), options);
  assert.equal(await stateKnownRows(db).isEmpty(stream), false);
  assert.equal(await noteHighestKey(db, lease, stream), "100");
  const at = await noteFullPass(db, lease, stream);
  await completeFirstContact(db, lease, stream);
  assert.deepEqual(await examStream(db), {
    ...stream,
    firstContactDone: true,
    highestRowKey: "100",
    lastFullPassAt: at,
    fullPasses: 1,
  });
  assert.equal((await readStreams(db, "testpress"))[1]?.firstContactDone, false);
  // A pass that was skipped because it could find nothing counts, too; it reads nothing.
  await noteHighestKey(db, lease, stream, { skippedPass: true });
  const after = await examStream(db);
  assert.deepEqual([after?.fullPasses, after?.lastFullPassAt], [2, at]);
});

forEachState("streams cannot be moved on by a poller that lost its lease", async (db) => {
  const { lease, stream } = await startPolling(db);
  await acquireLease(db, "testpress", "h:2:b", 60_000, lease.holder);
  await assert.rejects(completeFirstContact(db, lease, stream), LeaseLostError);
  await assert.rejects(noteFullPass(db, lease, stream), LeaseLostError);
  assert.equal((await examStream(db))?.firstContactDone, false);
});

forEachState("a new hash recipe makes known hashes worthless without forgetting what was reported", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const row = attempt("1500");
  await recordBatch(db, lease, batch(stream, pollId, [change(row, history(row))]), options);
  assert.deepEqual(await bucketSums(db, stream, 0n, 10n), [{ bucket: 1n, count: 1, xor: row.hash }]);
  assert.deepEqual(await keyHashes(db, stream, [0n, 1n]), [{ id: "1500", hash: row.hash }]);
  const [renewed] = await ensureStreams(db, "testpress", [{ kind: "exam", recipe: 2 }], lease);
  assert.ok(renewed);
  assert.deepEqual(await bucketSums(db, renewed, 0n, 10n), []);
  assert.deepEqual(await keyHashes(db, renewed, [1n]), []);
  const before = (await statesByKeys(db, renewed, ["1500"])).get("1500");
  assert.equal(before?.hash, "");
  assert.equal(before?.reported.score, 148);
  // Compared again under the new recipe, also with the same hash: no event, and the row counts.
  await recordBatch(
    db,
    lease,
    batch(
      renewed,
      pollId,
      [change(row, null, before, before)].map((c) => ({
        ...c,
        after: { ...c.after, hash: row.hash },
      })),
    ),
    options,
  );
  assert.deepEqual(await bucketSums(db, renewed, 0n, 10n), [{ bucket: 1n, count: 1, xor: row.hash }]);
  assert.equal((await db.sql`select 1 from lmsmon.lms_activity_events`).length, 1);
});

forEachState("openKeys() pages through rows that can still move", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const rows = ["1", "2", "30", "4"].map((id) => attempt(id, { progress: id === "2" ? "finished" : "running" }));
  await recordBatch(db, lease, batch(stream, pollId, rows.map((row) => change(row))), options);
  assert.deepEqual(await stateKnownRows(db).openKeys(stream, null, 2), ["1", "4"]);
  assert.deepEqual(await stateKnownRows(db).openKeys(stream, "4", 2), ["30"]);
});
