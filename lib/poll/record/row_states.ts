import { attemptIdentities, type AttemptIdentityRow } from "../../../sql/state/events.ts";
import * as q from "../../../sql/state/row_states.ts";
import { erasedStudent } from "../../model/erased.ts";
import { type BucketSum, firstIdOf, type KeyHash, lastIdOf } from "../../model/bucket.ts";
import type { RowState } from "../../model/attempt.ts";
import type { LmsId } from "../../model/event.ts";
import { fromInstant } from "../../model/time.ts";
import { numberArrayLiteral } from "../../state/array_literal.ts";
import type { Stream } from "./batch.ts";
import { stageOf, STALE_HASH, verdictOf } from "./row_state_values.ts";
import type { StateDb } from "../../state/state_db.ts";

const KEYS_AT_A_TIME = 10_000;

/**
 * What is known of the given rows; unknown ids are absent. A hash made by another recipe reads as `""`, which equals no hash, so
 * that the row is looked at again.
 */
export async function statesByKeys(
  db: Pick<StateDb, "sql">,
  stream: Stream,
  ids: readonly LmsId[],
): Promise<Map<LmsId, RowState>> {
  const states = new Map<LmsId, RowState>();
  for (let i = 0; i < ids.length; i += KEYS_AT_A_TIME) {
    const keys = numberArrayLiteral(ids.slice(i, i + KEYS_AT_A_TIME));
    const rows = await q.rowStatesByKeys(db.sql, stream.streamId, keys);
    const events = await identitiesOf(db, rows);
    for (const row of rows) {
      states.set(row.row_key, toRowState(row, events.get(row.last_event_id ?? ""), stream.recipe));
    }
  }
  return states;
}

/**
 * Since version 4 of the schema a row state says whose attempt it is; for a row stored before, its last event says so. A query of
 * its own, since a join would be planned, and compiled, as if every row needed it.
 */
async function identitiesOf(db: Pick<StateDb, "sql">, rows: readonly q.RowStateRow[]) {
  const asked = rows.flatMap((row) =>
    (row.student_id === null || row.activity_id === null) && row.last_event_id !== null ? [row.last_event_id] : []
  );
  const events = asked.length === 0 ? [] : await attemptIdentities(db.sql, numberArrayLiteral(asked));
  return new Map(events.map((event) => [event.event_id, event]));
}

function toRowState(row: q.RowStateRow, event: AttemptIdentityRow | undefined, recipe: number): RowState {
  return {
    id: row.row_key,
    studentId: row.erased_student === null
      ? row.student_id ?? event?.student_id ?? null
      : erasedStudent(row.erased_student),
    activityId: row.activity_id ?? event?.activity_id ?? null,
    incarnation: row.incarnation,
    ...(row.attempt_no === null ? {} : { attemptNo: row.attempt_no }),
    hash: row.hash === null || row.recipe === recipe ? row.hash : STALE_HASH,
    stage: stageOf(row.stage),
    reported: { verdict: verdictOf(row.verdict), score: row.score, percentage: row.percentage },
    revision: row.revision,
    open: row.is_open,
    seenOpen: row.seen_open,
    lastEventId: row.last_event_id,
    missingSince: row.missing_since === null ? null : fromInstant(row.missing_since),
    missingAtPass: row.missing_at_pass,
  };
}

/** Count and xor of the known hashes, per non-empty bucket with fromBucket <= bucket < toBucket, ascending. */
export async function bucketSums(
  db: Pick<StateDb, "sql">,
  stream: Stream,
  fromBucket: bigint,
  toBucket: bigint,
): Promise<BucketSum[]> {
  const rows = await q.bucketSums(db.sql, stream.streamId, String(fromBucket), String(toBucket));
  return rows.map((row) => ({ bucket: BigInt(row.bucket), count: row.row_count, xor: row.hash_xor }));
}

/** Ids and hashes of the given buckets that count: of the stream's recipe and not missing. Ascending by id. */
export async function keyHashes(
  db: Pick<StateDb, "sql">,
  stream: Stream,
  buckets: readonly bigint[],
): Promise<KeyHash[]> {
  const firsts = numberArrayLiteral(buckets.map((bucket) => firstIdOf(bucket, stream.bucketSize)));
  const lasts = numberArrayLiteral(buckets.map((bucket) => lastIdOf(bucket, stream.bucketSize)));
  const rows = await q.keyHashes(db.sql, stream.streamId, stream.recipe, firsts, lasts);
  return rows.map((row) => ({ id: row.row_key, hash: row.hash }));
}
