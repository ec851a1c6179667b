import { takeTurns, turnIsOver } from "../../drivers/deno/take_turns.ts";
import type { Batch, RowChange } from "./batch.ts";
import { copyLine } from "../../drivers/postgres/copy_into.ts";
import { EVENT_TEXTS } from "./event_values.ts";
import { countsAttempts, type PreparedEvent, type PreparedRow, prepareEvents } from "./prepare_events.ts";
import type { RecordOptions } from "./recording.ts";
import { BucketDeltas, laterValues, ROW_STATE_TEXTS, rowStateValues } from "./row_state_values.ts";
import type { StateDb } from "../../state/state_db.ts";

/** From here on COPY is faster than unnest. */
const COPY_FROM_ROWS = 500;

/** A row state as it is written; `event`: index in `events` of the one that it reports, -1 for none. */
export interface PreparedState {
  readonly row: PreparedRow;
  readonly event: number;
  readonly lastEventId: string | null;
}

/** A batch with all that its rows in the database will say, except the ids of its events: those are taken when it is written. */
export interface PreparedBatch {
  readonly batch: Batch;
  readonly events: readonly PreparedEvent[];
  readonly states: readonly PreparedState[];
  /** What the states add to the buckets. */
  readonly added: BucketDeltas;
  /** Rows that nobody knows go straight in by COPY: the primary key is the check that they are new. */
  readonly statesByCopy: boolean;
}

/**
 * Looks up and shapes what a batch writes. Reads what is committed, so that it may run while an earlier batch is still being
 * written, where {@link needsNoEarlierBatch} says so. Adds mentor sets that are new, which mean nothing without an event.
 */
export async function prepareBatch(
  db: Pick<StateDb, "sql" | "copy">,
  batch: Batch,
  options: RecordOptions,
): Promise<PreparedBatch> {
  const withEvent = eventChanges(batch);
  // The few columns that COPY leaves out are those of rows known before, and of rows that hold several attempts.
  const allNew = batch.changes.every(({ before, after }) => before === null && after.attemptNo == null);
  const statesByCopy = db.copy && allNew && batch.changes.length >= COPY_FROM_ROWS;
  const byCopy = db.copy && withEvent.length >= COPY_FROM_ROWS;
  const events = await prepareEvents(db.sql, batch, withEvent, {
    metadataOf: options.metadataOf,
    rowOf: byCopy ? (values) => copyLine(values, EVENT_TEXTS) : (values) => values,
  });
  await takeTurns();
  const { states, added } = await prepareStates(batch, statesByCopy);
  return { batch, events, states, added, statesByCopy };
}

/** Whether nothing that {@link prepareBatch} reads can depend on batches that are not committed yet. */
export function needsNoEarlierBatch(batch: Batch): boolean {
  return !countsAttempts(eventChanges(batch));
}

const eventChanges = (batch: Batch): readonly RowChange[] => batch.changes.filter(({ event }) => event !== null);

async function prepareStates(batch: Batch, statesByCopy: boolean): Promise<Pick<PreparedBatch, "states" | "added">> {
  const { streamId, recipe } = batch.stream;
  const added = new BucketDeltas(batch.stream.bucketSize);
  const states: PreparedState[] = [];
  let events = 0;
  for (const { before, after, event } of batch.changes) {
    const index = event === null ? -1 : events++;
    // A row that is gone before it was ever known leaves nothing to remember. (One with a stage is known from a log.)
    if (before === null && after.hash === null && after.stage === "none") continue;
    if (turnIsOver(states.length)) await takeTurns();
    added.add(after.id, after.hash);
    const values = rowStateValues(after, recipe);
    const row = statesByCopy ? `${streamId}\t${copyLine(values, ROW_STATE_TEXTS)}` : [...values, ...laterValues(after)];
    states.push({ row, event: index, lastEventId: after.lastEventId });
  }
  return { states, added };
}
