import type { LmsId } from "../model/event.ts";
import type { Batch, Stream } from "./record/batch.ts";
import { collectPiledUpGarbage } from "../drivers/deno/collect_garbage.ts";
import { takeTurns } from "../drivers/deno/take_turns.ts";
import { buildBatch } from "./build_batch.ts";
import type { PollContext } from "./poll_context.ts";

const PAGE_ROWS = 5_000;
/**
 * What a round of `watch` looks at between full passes: rows above the highest known id, and every row known as open, by
 * id. Its cost depends on what students do now, not on the size of the table.
 */
export async function quickRound(context: PollContext, stream: Stream): Promise<void> {
  await openRows(context, stream);
  // Where new keys do not come above all others, the next full pass finds them.
  if (context.lms.keySpace(stream.kind).ascending) await rowsAbove(context, stream, stream.highestRowKey);
}

/**
 * Rows with id > `after`, page by page. Three things go on at once: a page is read, the one before is compared and shaped, and
 * the one before that is recorded; a first pass over millions takes as long as the slowest of them, not as their sum.
 */
export async function rowsAbove(context: PollContext, stream: Stream, after: LmsId | null, pageRows = PAGE_ROWS) {
  const knownEmpty = after === null && await context.known.isEmpty(stream);
  let page = context.lms.rowsAfter(stream.kind, after, pageRows);
  /** The last two batches handed over: one is written while the other is prepared. More would only take memory. */
  let recording: readonly Promise<void>[] = [];
  try {
    while (true) {
      const { rows, bad, next } = await page;
      context.signal.throwIfAborted();
      if (next !== undefined) {
        page = context.lms.rowsAfter(stream.kind, next, pageRows);
        page.catch(() => {}); // awaited in the next turn; a failure of recording must not leave it unhandled
      }
      const before = knownEmpty
        ? new Map()
        : await context.known.statesByKeys(stream, [...rows, ...bad].map((row) => row.id));
      const [oldest, newest] = recording;
      if (newest !== undefined) await oldest;
      collectPiledUpGarbage();
      await takeTurns(); // what the page before waits for is answered first
      const batch = await buildBatch(context, stream, { rows, bad, before });
      if (batch.changes.length > 0) recording = [...recording.slice(-1), handedOver(context, batch)];
      const last = lastId(rows, bad);
      if (last !== null) context.progress?.at(rows.length + bad.length, last);
      if (next === undefined) break;
    }
  } finally {
    // Nothing goes on behind the back of whoever deals with a failure; the failure of recording itself is thrown.
    await Promise.all(recording);
  }
}

function handedOver(context: PollContext, batch: Batch): Promise<void> {
  const recorded = context.sink.record(batch);
  recorded.catch(() => {}); // awaited in a later turn
  return recorded;
}

async function openRows(context: PollContext, stream: Stream): Promise<void> {
  let after: LmsId | null = null;
  while (true) {
    context.signal.throwIfAborted();
    const ids = await context.known.openKeys(stream, after, PAGE_ROWS);
    if (ids.length === 0) return;
    const [{ rows, bad }, before, quarantined] = await Promise.all([
      context.lms.rowsByIds(stream.kind, ids),
      context.known.statesByKeys(stream, ids),
      context.known.quarantinedKeys(stream, after, PAGE_ROWS),
    ]);
    const present = new Set([...rows, ...bad].map((row) => row.id));
    const gone = ids.filter((id) => !present.has(id)).flatMap((id) => before.get(id) ?? []);
    const page = { rows, bad, before, quarantined: new Set(quarantined) };
    const batch = await buildBatch(context, stream, page, { gone });
    if (batch.changes.length > 0) await context.sink.record(batch);
    after = ids.at(-1) ?? null;
    if (ids.length < PAGE_ROWS) return;
  }
}

function lastId(...lists: readonly (readonly { readonly id: LmsId }[])[]): LmsId | null {
  const last = lists.flatMap((list) => list.at(-1)?.id ?? []).map(BigInt);
  return last.length === 0 ? null : last.reduce((a, b) => (a > b ? a : b)).toString();
}
