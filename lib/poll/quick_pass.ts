import type { LmsId } from "../model/event.ts";
import type { Batch, Stream } from "./record/batch.ts";
import { collectPiledUpGarbage } from "../drivers/deno/collect_garbage.ts";
import { takeTurns } from "../drivers/deno/take_turns.ts";
import { buildBatch } from "./build_batch.ts";
import type { PollContext } from "./poll_context.ts";

const PAGE_ROWS = 5_000;
/** Rows that a hint says are the newest: each pass reads so many again. */
const NEWEST_ROWS = 250;
/** Beyond so many a full pass is the better way. */
const NEWEST_PAGES = 40;

/**
 * What a poll of `watch` looks at between full passes: rows above the highest known id, and every row known as open, by
 * id. Its cost depends on what students do now, not on the size of the table. Gives the id up to which the LMS was looked at.
 */
export async function quickPass(context: PollContext, stream: Stream): Promise<LmsId | null> {
  await openRows(context, stream);
  await newestRows(context, stream);
  // Where new keys do not come above all others, the next full pass finds them.
  return context.lms.keySpace(stream.kind).ascending ? await rowsAbove(context, stream, stream.highestRowKey) : null;
}

/** Rows that the LMS wrote last, where a hint says which these are: page by page, as long as there is news in them. */
async function newestRows(context: PollContext, stream: Stream): Promise<void> {
  for (let page = 0; page < NEWEST_PAGES; page++) {
    context.signal.throwIfAborted();
    const found = await context.lms.newestRows?.(stream.kind, NEWEST_ROWS, page * NEWEST_ROWS) ?? null;
    if (found === null) return;
    const { rows, bad, more } = found;
    const before = await context.known.statesByKeys(stream, [...rows, ...bad].map((row) => row.id));
    const batch = await buildBatch(context, stream, { rows, bad, before });
    if (batch.changes.length === 0) return;
    await context.sink.record(batch);
    if (!more) return;
  }
}

/**
 * Rows with id > `after`, page by page. Three things go on at once: a page is read, the one before is compared and shaped, and
 * the one before that is recorded; a first pass over millions takes as long as the slowest of them, not as their sum. Gives the id up
 * to which the LMS was looked at, which may be beyond all of its rows: a query leaves some out.
 */
export async function rowsAbove(
  context: PollContext,
  stream: Stream,
  after: LmsId | null,
  pageRows = PAGE_ROWS,
): Promise<LmsId | null> {
  const knownEmpty = after === null && await context.known.isEmpty(stream);
  let page = context.lms.rowsAfter(stream.kind, after, pageRows);
  /** The last two batches handed over: one is written while the other is prepared. More would only take memory. */
  let recording: readonly Promise<void>[] = [];
  try {
    while (true) {
      const { rows, bad, next, readTo } = await page;
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
      if (next === undefined) return readTo ?? null;
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
