import { copyEvents, insertEvents, takeEventIds } from "../../../sql/state/events.ts";
import { insertLogs, upsertRecipients } from "../../../sql/state/deliveries_insert.ts";
import { lockEventOrder, lockLease } from "../../../sql/state/leases.ts";
import { addToPollRun } from "../../../sql/state/poll_runs.ts";
import { anyQuarantine, liftQuarantine, quarantineRows } from "../../../sql/state/quarantine.ts";
import { addToBuckets, copyRowStates, rowStatesByKeys, upsertRowStates } from "../../../sql/state/row_states.ts";
import { streamRecipe } from "../../../sql/state/streams.ts";
import { isRewritten } from "../../model/event.ts";
import type { MentorLinks } from "../../model/person.ts";
import { formatUtc } from "../../model/time.ts";
import { systemClock } from "../../base/clock.ts";
import { errorCode } from "../../base/database_errors.ts";
import { failPoint } from "../../base/fail_point.ts";
import { retryLostRaces } from "../../base/retry.ts";
import { arrayLiteral, numberArrayLiteral } from "../../state/array_literal.ts";
import type { Batch, RowChange } from "./batch.ts";
import type { Lease } from "../../state/leases.ts";
import { copyInto } from "../../drivers/postgres/copy_into.ts";
import { leaseLost } from "../../state/fenced.ts";
import { deliveriesOf, type Delivery, dueByRecipient } from "./deliveries_of.ts";
import type { PreparedBatch, PreparedState } from "./prepare_batch.ts";
import type { PreparedEvent, PreparedRow } from "./prepare_events.ts";
import { writeLinks, writePeople } from "./people.ts";
import { type Recorded, type RecordOptions, refuseErased, staleRows } from "./recording.ts";
import { type BucketDeltas, stageNumber, STALE_HASH } from "./row_state_values.ts";
import type { StateDb, Transaction } from "../../state/state_db.ts";

/** Rows per unnest statement: the embedded database holds the whole statement in memory. */
const UNNEST_ROWS = 2_000;

/** recordBatch without its second chances: one transaction, all or nothing. */
export async function recordOnce(
  db: Pick<StateDb, "sql">,
  lease: Lease,
  prepared: PreparedBatch,
  options: RecordOptions,
): Promise<Recorded> {
  try {
    return (await retryLostRaces(
      () =>
        db.sql.begin(async (tx) => {
          const value = await record(tx, lease, prepared);
          failPoint("record.before_commit");
          return { value };
        }),
      options.clock ?? systemClock,
    )).value;
  } catch (error) {
    // COPY and insert write rows that were read as unknown; if one is there now, somebody recorded it in between.
    if (errorCode(error) === "23505") throw staleRows(error);
    throw error;
  }
}

async function record(tx: Transaction, lease: Lease, prepared: PreparedBatch): Promise<Recorded> {
  const { batch, events, statesByCopy } = prepared;
  const { stream } = batch;

  // One round trip for everything that is read. The order matters: the lease is locked first, ids are taken last.
  const [leases, recipes, stored, quarantined, , taken] = await Promise.all([
    lockLease(tx, lease),
    streamRecipe(tx, stream.streamId),
    statesByCopy
      ? []
      : rowStatesByKeys(tx, stream.streamId, numberArrayLiteral(batch.changes.map(({ after }) => after.id))),
    anyQuarantine(tx, stream.streamId),
    lockEventOrder(tx),
    events.length === 0 ? [] : takeEventIds(tx, events.length),
    refuseErased(tx, batch),
  ]);
  if (leases.length === 0) throw leaseLost(lease);
  if (recipes[0]?.recipe !== stream.recipe) throw staleRows(null);
  const ids = taken[0]?.ids.split(",") ?? [];
  if (ids.length !== events.length) throw new TypeError("Cannot record events: fewer ids than events");

  const deltas = prepared.added.copy();
  if (!statesByCopy) checkAndRemoveOld(batch, stored, deltas);
  await writePeople(tx, stream.source, batch.people);
  await writeLinks(tx, stream.source, linksToWrite(batch));
  await writeEvents(tx, events, ids);
  await writeRowStates(tx, prepared, ids);

  const sums = deltas.literals();
  const bad = batch.changes.filter(isQuarantined);
  const toTell = events.filter(({ event }) => event.tell !== null);
  const rewrittenToTell = toTell.filter(({ event: { detected } }) => isRewritten(detected.change)).length;
  const counts = { events: events.length, toTell: toTell.length, rewrittenToTell };
  // Sent together: one answer to wait for instead of four. The first error is the one that is thrown.
  const [, recipients] = await Promise.all([
    sums && addToBuckets(tx, stream.streamId, sums.buckets, sums.counts, sums.xors),
    writeDeliveries(tx, batch, deliveriesOf(batch, events, ids)),
    writeQuarantine(tx, batch, bad, quarantined[0]?.any ?? false),
    addToPollRun(tx, batch.pollId, { ...counts, changed: batch.changes.length, quarantined: bad.length }),
  ]);
  return { ...counts, recipients, refused: [] };
}

type Stored = Awaited<ReturnType<typeof rowStatesByKeys>>;

/** Every row must still be what the detector compared with; takes the old hashes out of their buckets. */
function checkAndRemoveOld(batch: Batch, stored: Stored | never[], deltas: BucketDeltas): void {
  const known = new Map(stored.map((row) => [row.row_key, row]));
  for (const { before, after } of batch.changes) {
    const row = known.get(after.id);
    if (!row && before === null) continue;
    const counts = row?.recipe === batch.stream.recipe;
    if (
      !row || before === null || row.incarnation !== before.incarnation || row.revision !== before.revision ||
      row.stage !== stageNumber(before.stage) ||
      row.last_event_id !== before.lastEventId || (row.hash === null) !== (before.hash === null) ||
      (counts && before.hash !== STALE_HASH && row.hash !== before.hash)
    ) throw staleRows(null);
    if (counts) deltas.remove(after.id, row.hash);
  }
}

async function writeEvents(tx: Transaction, events: readonly PreparedEvent[], ids: readonly string[]): Promise<void> {
  if (isLine(events[0]?.row)) return await copyInto(copyEvents(tx), eventLines(events, ids));
  for (let i = 0; i < events.length; i += UNNEST_ROWS) {
    const rows = events.slice(i, i + UNNEST_ROWS).map(({ row }) => row).filter(isValues);
    await insertEvents(tx, [numberArrayLiteral(ids.slice(i, i + UNNEST_ROWS)), ...columnsOf(rows)]);
  }
}

const isLine = (row: PreparedRow | undefined): row is string => typeof row === "string";
const isValues = (row: PreparedRow): row is Exclude<PreparedRow, string> => !isLine(row);

function* eventLines(events: readonly PreparedEvent[], ids: readonly string[]): Generator<string> {
  for (let i = 0; i < events.length; i++) yield `${ids[i]}\t${events[i]?.row}`;
}

async function writeRowStates(
  tx: Transaction,
  { batch, states, statesByCopy }: PreparedBatch,
  ids: readonly string[],
): Promise<void> {
  const eventId = ({ event, lastEventId }: PreparedState) => ids[event] ?? lastEventId;
  if (statesByCopy) return await copyInto(copyRowStates(tx), stateLines(states, eventId));
  for (let i = 0; i < states.length; i += UNNEST_ROWS) {
    const page = states.slice(i, i + UNNEST_ROWS);
    const rows = page.map(({ row }) => row).filter(isValues);
    await upsertRowStates(tx, batch.stream.streamId, [...columnsOf(rows), numberArrayLiteral(page.map(eventId))]);
  }
}

function* stateLines(states: readonly PreparedState[], eventId: (state: PreparedState) => string | null) {
  for (const state of states) yield `${state.row}\t${eventId(state) ?? "\\N"}`;
}

/** Rows to columns, as array literals. */
function columnsOf(rows: readonly (readonly (string | null)[])[]): string[] {
  return (rows[0] ?? []).map((_, column) => arrayLiteral(rows.map((row) => row[column] ?? null)));
}

/** Links of students just read, and of those with something to tell: a first pass must not write the same ones in every batch. */
function linksToWrite(batch: Batch): MentorLinks {
  const students = new Set(batch.people.flatMap(({ role, id }) => role === "student" ? id : []));
  for (const { event } of batch.changes) if (event?.tell && event.row.studentId) students.add(event.row.studentId);
  return new Map([...students].map((id) => [id, batch.links.get(id) ?? []]));
}

async function writeDeliveries(tx: Transaction, batch: Batch, deliveries: readonly Delivery[]): Promise<string[]> {
  if (deliveries.length === 0) return [];
  const { source } = batch.stream;
  for (let i = 0; i < deliveries.length; i += UNNEST_ROWS) {
    const page = deliveries.slice(i, i + UNNEST_ROWS);
    await insertLogs(tx, source, batch.pollId, formatUtc(batch.detectedAt), {
      eventIds: numberArrayLiteral(page.map((d) => d.eventId)),
      recipients: arrayLiteral(page.map((d) => d.recipient)),
      statuses: arrayLiteral(page.map((d) => d.status)),
      reasons: arrayLiteral(page.map((d) => d.reason)),
      markers: arrayLiteral(page.map((d) => d.marker)),
      dues: arrayLiteral(page.map((d) => formatUtc(d.dueAt))),
    });
  }
  const due = dueByRecipient(deliveries);
  if (due.size > 0) {
    await upsertRecipients(tx, source, arrayLiteral([...due.keys()]), arrayLiteral([...due.values()].map(formatUtc)));
  }
  return [...due.keys()];
}

type Quarantined = RowChange & { quarantine: string };
const isQuarantined = (change: RowChange): change is Quarantined => change.quarantine !== null;

async function writeQuarantine(
  tx: Transaction,
  batch: Batch,
  bad: readonly Quarantined[],
  anyStored: boolean,
): Promise<void> {
  const { streamId } = batch.stream;
  if (anyStored) {
    const good = batch.changes.filter(({ quarantine }) => quarantine === null).map(({ after }) => after.id);
    await liftQuarantine(tx, streamId, numberArrayLiteral(good));
  }
  if (bad.length > 0) {
    await quarantineRows(
      tx,
      streamId,
      numberArrayLiteral(bad.map(({ after }) => after.id)),
      arrayLiteral(bad.map(({ quarantine }) => quarantine)),
    );
  }
}
