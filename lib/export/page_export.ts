import { type ExportQuery, pageLines } from "../../sql/state/export.ts";
import type { StateDb } from "../state/state_db.ts";
import { type ByteSink, type Exported, type OnWay, orAborted } from "./byte_sink.ts";

const FIRST_PAGE = 50;
const LARGEST_PAGE = 2000;
const PAGE_CHARS = 2_000_000;

/**
 * Lines in pages by event_id, for an embedded database, which has no COPY. Events recorded while it runs come too, at the end:
 * event_id order is commit order, so none is passed over. Pages grow or shrink to some two megabytes.
 */
export async function exportByPages(
  db: StateDb,
  query: ExportQuery,
  sink: ByteSink,
  signal: AbortSignal,
  onWay: OnWay,
): Promise<Exported> {
  const encoder = new TextEncoder();
  let { after } = query;
  let left = query.limit ?? Infinity;
  let size = FIRST_PAGE;
  let first: string | null = null;
  let lines = 0;
  while (left > 0) {
    signal.throwIfAborted();
    const limit = Math.min(size, left);
    const page = await pageLines(db.sql, { ...query, after, limit });
    const text = page.map((row) => `${row.line}\n`).join("");
    if (page.length > 0) await orAborted(sink.write(encoder.encode(text)), signal);
    first ??= page[0]?.event_id ?? null;
    after = page.at(-1)?.event_id ?? after;
    lines += page.length;
    left -= page.length;
    if (after !== null) onWay(lines, after);
    if (page.length < limit) break;
    size = Math.max(1, Math.min(LARGEST_PAGE, size * 4, Math.floor(PAGE_CHARS * page.length / text.length)));
  }
  return { lines, first, last: lines === 0 ? null : after };
}
