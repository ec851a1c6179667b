import { anyRowState, openRowKeys } from "../../sql/state/row_states.ts";
import { metadataOf } from "../detect/metadata.ts";
import { bucketSums, keyHashes, statesByKeys } from "./record/row_states.ts";
import type { Lease } from "../state/leases.ts";
import { needsNoEarlierBatch, prepareBatch } from "./record/prepare_batch.ts";
import { failPoint } from "../base/fail_point.ts";
import { logPosition, noteLogPosition } from "./record/log_positions.ts";
import { recordBatch } from "./record/record_batch.ts";
import { quarantinedRows, quarantineOddKeys } from "./record/quarantine.ts";
import type { StateDb } from "../state/state_db.ts";
import type { BatchSink, KnownRows } from "./poll_context.ts";

/** Known rows as the state database has them. */
export function stateKnownRows(db: StateDb): KnownRows {
  return {
    statesByKeys: (stream, ids) => statesByKeys(db, stream, ids),
    openKeys: async (stream, after, limit) =>
      (await openRowKeys(db.sql, stream.streamId, after, limit)).map((row) => row.row_key),
    bucketSums: (stream, from, to) => bucketSums(db, stream, from, to),
    keyHashes: (stream, buckets) => keyHashes(db, stream, buckets),
    quarantinedKeys: async (stream, after, limit) =>
      (await quarantinedRows(db, stream, after, limit)).map(({ id }) => id),
    logPosition: (stream) => logPosition(db, stream),
    isEmpty: async (stream) => !(await anyRowState(db.sql, stream.streamId))[0]?.any,
  };
}

/**
 * Records every batch in one transaction under the lease (P2), in the order of the calls. While one is written the next is
 * prepared; after a failure those that follow fail likewise, unwritten.
 */
export function recordingSink(db: StateDb, lease: Lease, onRefused: (rows: number) => void): BatchSink {
  let last: Promise<void> = Promise.resolve();
  return {
    record: (batch) => {
      const earlier = last;
      const prepare = () => prepareBatch(db, batch, { metadataOf });
      const prepared = needsNoEarlierBatch(batch) ? prepare() : earlier.then(prepare);
      prepared.catch(() => {}); // awaited below, unless an earlier batch failed
      last = earlier.then(async () => {
        const { refused } = await recordBatch(db, lease, batch, { metadataOf }, prepared);
        failPoint("record.after_commit");
        onRefused(refused.length);
      }, async (error) => {
        await prepared.catch(() => {}); // nothing goes on behind the back of whoever deals with the failure
        throw error;
      });
      return last;
    },
    quarantineKeys: (stream, odd) => quarantineOddKeys(db, lease, stream, odd),
    noteLog: (stream, position) => noteLogPosition(db, lease, stream, position),
  };
}
