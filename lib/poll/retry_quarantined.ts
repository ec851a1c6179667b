import type { Stream } from "./record/batch.ts";
import { buildBatch } from "./build_batch.ts";
import type { PollContext } from "./poll_context.ts";

const PAGE_ROWS = 5_000;
/** Keys that no id can be, kept at most: an LMS that has more of them has another trouble. */
const MAX_ODD_KEYS = 1_000;
const LONGEST_KEY = 200;

/** Notes the rows whose key no id can be; everything else goes on without them. */
export async function quarantineOddKeys({ lms, sink, tally }: PollContext, stream: Stream): Promise<void> {
  const odd = await lms.oddKeys(stream.kind, MAX_ODD_KEYS);
  if (odd.length === 0) return;
  tally.quarantined += odd.length;
  // A numeric may have a hundred thousand digits, and no index takes such a text.
  const kept = odd.map(({ key, reason }) => [key.slice(0, LONGEST_KEY), reason] as const);
  await sink.quarantineKeys(stream, [...new Map(kept)].map(([key, reason]) => ({ key, reason })));
}

/**
 * Reads every quarantined row again, and lets those go that can be read now or are gone. Rows that the state database
 * refused have no state: the comparison finds them as new, so here they only leave when the LMS has them no more.
 */
export async function retryQuarantined(context: PollContext, stream: Stream): Promise<void> {
  const { lms, known } = context;
  let after: string | null = null;
  while (true) {
    context.signal.throwIfAborted();
    const ids = await known.quarantinedKeys(stream, after, PAGE_ROWS);
    if (ids.length === 0) return;
    const [{ rows, bad }, before] = await Promise.all([
      lms.rowsByIds(stream.kind, ids),
      known.statesByKeys(stream, ids),
    ]);
    const present = new Set([...rows, ...bad].map((row) => row.id));
    const absent = ids.filter((id) => !present.has(id));
    const page = {
      rows: rows.filter(({ id }) => before.has(id)),
      bad: bad.filter(({ id }) => before.has(id)),
      before,
      quarantined: new Set(ids),
    };
    const batch = await buildBatch(context, stream, page, {
      gone: absent.flatMap((id) => before.get(id) ?? []),
      neverKnown: absent.filter((id) => !before.has(id)),
    });
    if (batch.changes.length > 0) await context.sink.record(batch);
    after = ids.at(-1) ?? null;
    if (ids.length < PAGE_ROWS) return;
  }
}
