import type { EventFilter } from "../../sql/state/event_filter.ts";
import { markExported } from "../../sql/state/export.ts";
import type { StateDb } from "../state/state_db.ts";
import { retryLostRaces } from "../base/retry.ts";
import { failPoint } from "../base/fail_point.ts";
import type { Exported } from "./byte_sink.ts";

/** Events marked in one transaction: short enough to be in nobody's way. */
const BATCH = 10_000;

/**
 * Marks the events of a finished export. They are those between its first and last id that the same filter selects: ids are
 * given in commit order, so nothing that was recorded later lies between, and none of the filter's columns changes (a
 * corrected username does not, since students are selected by id). Harmless to repeat. Returns how many were newly marked.
 */
export async function markProcessed(db: StateDb, filter: EventFilter, exported: Exported): Promise<number> {
  const { first, last } = exported;
  if (first === null || last === null) return 0;
  let after = String(BigInt(first) - 1n);
  let total = 0;
  for (;;) {
    const range = { filter, after, upTo: last, limit: BATCH };
    const [batch] = await retryLostRaces(async () => await markExported(db.sql, range));
    failPoint("export.mid_mark");
    total += batch?.marked ?? 0;
    if (batch === undefined || batch.last === null || batch.marked < BATCH) return total;
    after = batch.last;
  }
}
