import { addRows, suppressRows } from "../../sql/state/outbox.ts";
import {
  ensureMentorSets,
  nameRecipients,
  type OrphanRow,
  ripeOrphans,
  setEventMentors,
} from "../../sql/state/outbox_orphans.ts";
import { wakeRecipients } from "../../sql/state/recipients.ts";
import { storedMarker } from "../model/marker.ts";
import type { EpochMicros } from "../model/time.ts";
import { channelRecipient, mentorRecipient } from "../model/recipient.ts";
import { besideErasures } from "../privacy/beside_erasures.ts";
import type { NotifierDeps, RoundCounts } from "./notify_types.ts";
import { retrying } from "./retrying.ts";

const PAGE = 1000;

/**
 * Events that had no mentor at detection: those whose student has one by now get their recipients, and the event's mentors
 * are extended; where the grace is over they go to the fallback channel or end as `no_mentor`.
 */
export async function adoptOrphans(deps: NotifierDeps, cutoff: EpochMicros, counts: RoundCounts): Promise<void> {
  for (let found = PAGE; found === PAGE;) {
    found = await retrying(() => adoptPage(deps, cutoff, counts));
  }
}

function adoptPage(deps: NotifierDeps, cutoff: EpochMicros, counts: RoundCounts): Promise<number> {
  const { db, source, config } = deps;
  return besideErasures(db, async (tx) => {
    const orphans = await ripeOrphans(tx, source, cutoff, PAGE);
    if (orphans.length === 0) return 0;
    const fallback = config.notify.fallback === null ? null : channelRecipient(config.notify.fallback);
    const recipientsOf = (row: OrphanRow) =>
      row.mentor_ids.length > 0 ? row.mentor_ids.map(mentorRecipient) : fallback === null ? [] : [fallback];
    const told = orphans.filter((row) => recipientsOf(row).length > 0);
    const lost = orphans.filter((row) => recipientsOf(row).length === 0);
    if (lost.length > 0) {
      await suppressRows(tx, lost.map((row) => row.log_id), lost.map(() => "no_mentor"), deps.clock.now());
    }
    // What waits for a digest goes on waiting for it with the mentor that it got.
    const isPlanned = (row: OrphanRow) => !config.notify.immediate.some((type) => type === row.event_type);
    const digestAt = (row: OrphanRow) =>
      row.mentor_ids.length > 0 && row.later_us !== null && isPlanned(row) ? Number(row.later_us) : null;
    const first = told.map((row) => ({ row, recipient: recipientsOf(row)[0] ?? "" }));
    const more = told.flatMap((row) => recipientsOf(row).slice(1).map((recipient) => ({ row, recipient })));
    if (told.length > 0) {
      await nameRecipients(
        tx,
        first.map(({ row }) => row.log_id),
        first.map(({ recipient }) => recipient),
        first.map(({ row, recipient }) => storedMarker(source, row, recipient)),
        first.map(({ row }) => digestAt(row)),
        cutoff,
      );
      await addRows(
        tx,
        source,
        more.map(({ row, recipient }) => ({
          eventId: row.event_id,
          pollId: row.poll_id,
          recipient,
          marker: storedMarker(source, row, recipient),
          digestAt: digestAt(row),
        })),
        cutoff,
      );
      await wakeRecipients(tx, source, told.flatMap(recipientsOf), cutoff);
    }
    const linked = told.filter((row) => row.mentor_ids.length > 0);
    if (linked.length > 0) {
      const list = (ids: readonly string[]) => `{${ids.join(",")}}`;
      const sets = await ensureMentorSets(tx, source, linked.map((row) => list(row.mentor_ids)));
      const setOf = new Map(sets.map((set) => [list(set.mentor_ids), set.mentor_set_id]));
      await setEventMentors(
        tx,
        source,
        linked.map((row) => row.event_id),
        linked.map((row) => setOf.get(list(row.mentor_ids)) ?? ""),
        linked.map((row) => row.mentor_ids[0] ?? ""),
      );
    }
    // Counted last: until here the transaction may fail, and the page is then worked on again.
    counts.suppressed += lost.length;
    return orphans.length;
  });
}
