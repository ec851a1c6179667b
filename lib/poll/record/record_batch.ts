import type { LmsId } from "../../model/event.ts";
import { systemClock } from "../../base/clock.ts";
import { addToPollRun } from "../../../sql/state/poll_runs.ts";
import { quarantineRows } from "../../../sql/state/quarantine.ts";
import { arrayLiteral, numberArrayLiteral } from "../../state/array_literal.ts";
import type { Batch } from "./batch.ts";
import type { Lease } from "../../state/leases.ts";
import { fenced } from "../../state/fenced.ts";
import { prepareBatch, type PreparedBatch } from "./prepare_batch.ts";
import { brokenRule, dataProblem } from "./quarantine.ts";
import { recordOnce } from "./record_once.ts";
import type { Recorded, RecordOptions } from "./recording.ts";
import type { StateDb } from "../../state/state_db.ts";

/**
 * Writes row states, bucket sums, events, people and deliveries of a batch in one transaction (P2), under the lease.
 *
 * A row whose values the database cannot hold is found by halving the batch, and goes to quarantine alone (P9); each part
 * is then a transaction of its own. Recording is not repeatable but checked: every row's stored state must still be its
 * `before`, so that a batch whose commit had an unknown outcome cannot be recorded twice. `prepared`: what prepareBatch() makes
 * of the batch, where that began earlier. Throws LeaseLostError and StaleBatchError, having written nothing (of the part in hand).
 */
export async function recordBatch(
  db: Pick<StateDb, "sql" | "copy">,
  lease: Lease,
  batch: Batch,
  options: RecordOptions,
  prepared?: Promise<PreparedBatch>,
): Promise<Recorded> {
  try {
    return await recordOnce(db, lease, await (prepared ?? prepareBatch(db, batch, options)), options);
  } catch (error) {
    const reason = dataProblem(error);
    if (reason === null) throw brokenRule(error) ?? error;
    const only = batch.changes[0];
    if (!only) throw error;
    if (batch.changes.length === 1) return await refuse(db, lease, batch, only.after.id, reason, options);
    const middle = batch.changes.length >> 1;
    const left = await recordBatch(db, lease, part(batch, 0, middle), options);
    const right = await recordBatch(db, lease, part(batch, middle, batch.changes.length), options);
    return {
      events: left.events + right.events,
      toTell: left.toTell + right.toTell,
      rewrittenToTell: left.rewrittenToTell + right.rewrittenToTell,
      recipients: [...new Set([...left.recipients, ...right.recipients])],
      refused: [...left.refused, ...right.refused],
    };
  }
}

/** A part of a batch with the people it refers to: the bad value may be a person's. */
function part(batch: Batch, from: number, to: number): Batch {
  const changes = batch.changes.slice(from, to);
  const students = new Set(changes.flatMap(({ event }) => event?.row.studentId ?? []));
  const links = new Map([...batch.links].filter(([student]) => students.has(student)));
  const mentors = new Set([...links.values()].flat());
  const people = batch.people.filter(({ role, id }) => (role === "student" ? students : mentors).has(id));
  return { ...batch, changes, links, people };
}

async function refuse(
  db: Pick<StateDb, "sql">,
  lease: Lease,
  batch: Batch,
  id: LmsId,
  reason: string,
  options: RecordOptions,
): Promise<Recorded> {
  try {
    await fenced(db, lease, async (tx) => {
      await quarantineRows(tx, batch.stream.streamId, numberArrayLiteral([id]), arrayLiteral([reason]));
      await addToPollRun(tx, batch.pollId, { changed: 0, events: 0, toTell: 0, rewrittenToTell: 0, quarantined: 1 });
    }, options.clock ?? systemClock);
  } catch (error) {
    // An id beyond bigint cannot even be kept in quarantine; the caller still hears of it.
    if (dataProblem(error) === null) throw error;
  }
  return { events: 0, toTell: 0, rewrittenToTell: 0, recipients: [], refused: [{ id, reason }] };
}
