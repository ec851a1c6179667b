import { type ExportQuery, latestIds, pageLines } from "../../sql/state/export.ts";
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
  const chosen = query.latest ? new Chosen((await latestIds(db.sql, query))[0]?.ids ?? "") : null;
  let { after } = query;
  let left = query.limit ?? Infinity;
  let size = FIRST_PAGE;
  let first: string | null = null;
  let lines = 0;
  while (left > 0) {
    signal.throwIfAborted();
    const limit = Math.min(size, left);
    const only = chosen?.take(limit);
    if (only?.length === 0) break;
    const page = await pageLines(db.sql, { ...query, after, limit }, only);
    const text = page.map((row) => `${row.line}\n`).join("");
    if (page.length > 0) await orAborted(sink.write(encoder.encode(text)), signal);
    first ??= page[0]?.event_id ?? null;
    after = page.at(-1)?.event_id ?? after;
    lines += page.length;
    left -= page.length;
    if (after !== null) onWay(lines, after);
    if (only === undefined && page.length < limit) break;
    const grown = Math.floor(PAGE_CHARS * page.length / Math.max(1, text.length));
    size = Math.max(1, Math.min(LARGEST_PAGE, size * 4, page.length === 0 ? size : grown));
  }
  return { lines, first, last: lines === 0 ? null : after };
}

/** A long list of ids in one text, taken from piece by piece. */
class Chosen {
  #from = 0;

  constructor(private readonly ids: string) {}

  take(count: number): string[] {
    const taken: string[] = [];
    while (taken.length < count && this.#from < this.ids.length) {
      const end = this.ids.indexOf(",", this.#from);
      const stop = end < 0 ? this.ids.length : end;
      taken.push(this.ids.slice(this.#from, stop));
      this.#from = stop + 1;
    }
    return taken;
  }
}
