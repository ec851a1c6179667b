import assert from "node:assert/strict";
import type { RowState } from "../../lib/model/attempt.ts";
import { DryOverlay } from "../../lib/poll/dry_run.ts";
import type { KnownRows } from "../../lib/poll/poll_context.ts";
import type { Stream } from "../../lib/poll/record/batch.ts";

const STREAM: Stream = {
  streamId: 1,
  source: "testpress",
  kind: "exam",
  recipe: 1,
  firstContactDone: true,
  highestRowKey: null,
  lastFullPassAt: null,
  fullPasses: 0,
  bucketSize: 1000n,
};

const state = (id: string): RowState => ({
  id,
  studentId: "7",
  activityId: "1",
  incarnation: 1,
  hash: "42",
  stage: "finished",
  reported: { verdict: "pass", score: 1, percentage: 1 },
  revision: 1,
  open: false,
  seenOpen: false,
  lastEventId: null,
  missingSince: null,
  missingAtPass: null,
});

const nothingStored = (isEmpty: boolean): KnownRows => ({
  statesByKeys: () => Promise.resolve(new Map()),
  openKeys: () => Promise.resolve([]),
  bucketSums: () => Promise.resolve([]),
  keyHashes: () => Promise.resolve([]),
  quarantinedKeys: () => Promise.resolve([]),
  isEmpty: () => Promise.resolve(isEmpty),
  logPosition: () => Promise.resolve({ cursor: null, readTo: null, overtaken: 0 }),
});

/** Ids that it remembers of those that were recorded. */
async function remembered(overlay: DryOverlay, ids: readonly string[]): Promise<string[]> {
  overlay.remember(STREAM, ids.map(state));
  return [...(await overlay.statesByKeys(STREAM, ids)).keys()];
}

Deno.test("P8: a dry run of one poll remembers what was tried again before its comparison, and nothing that it reads once", async () => {
  const overlay = new DryOverlay(nothingStored(false), () => true);
  assert.equal(await overlay.isEmpty(STREAM), false);
  assert.deepEqual(await remembered(overlay, ["1", "2"]), ["1", "2"]);
  await overlay.bucketSums(STREAM, 0n, 1n);
  assert.deepEqual((await overlay.keyHashes(STREAM, [0n])).map(({ id }) => id), ["1", "2"]);
  assert.deepEqual(await remembered(overlay, ["3", "4"]), []);

  const first = new DryOverlay(nothingStored(true), () => true);
  assert.equal(await first.isEmpty(STREAM), true);
  assert.deepEqual(await remembered(first, ["1", "2"]), []);
  assert.equal(await first.isEmpty(STREAM), true);
});

Deno.test("a dry run that goes on, or whose LMS has a log that speaks of its rows, remembers all that it showed", async () => {
  for (const isEmpty of [false, true]) {
    const overlay = new DryOverlay(nothingStored(isEmpty));
    await overlay.isEmpty(STREAM);
    await overlay.bucketSums(STREAM, 0n, 1n);
    assert.deepEqual(await remembered(overlay, ["1", "2"]), ["1", "2"]);
  }
});
