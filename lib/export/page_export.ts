import { type ExportQuery, latestIds, type PageLineRow, pageLines } from "../../sql/state/export.ts";
import { retryCutReads } from "../base/retry.ts";
import type { StateDb } from "../state/state_db.ts";
import { type Exported, orAborted } from "./byte_sink.ts";
import type { ExportWay, LinesBetween } from "./lines_between.ts";

const FIRST_PAGE = 50;
const LARGEST_PAGE = 2000;
const PAGE_CHARS = 2_000_000;

/** Lines in pages by event_id, for an embedded database, which has no COPY. Pages grow or shrink to some two megabytes. */
export async function exportByPages(
  db: StateDb,
  query: ExportQuery,
  { between, sink, signal, onWay }: ExportWay,
): Promise<Exported> {
  const encoder = new TextEncoder();
  const latest = query.latest ? await retryCutReads(() => latestIds(db.sql, query), signal) : null;
  const chosen = latest && new Chosen(latest[0]?.ids ?? "");
  const total = { lines: 0, first: null as string | null, last: null as string | null };
  let { after } = query;
  let size = FIRST_PAGE;
  for (let isOver = false; !isOver;) {
    const left = (query.limit ?? Infinity) - total.lines;
    if (left <= 0) break;
    signal.throwIfAborted();
    const limit = Math.min(size, left);
    const only = chosen?.take(limit);
    const from = after;
    const page = only?.length === 0
      ? []
      : await retryCutReads(() => pageLines(db.sql, { ...query, after: from, limit }, only), signal);
    after = page.at(-1)?.event_id ?? after;
    isOver = only === undefined ? page.length < limit : only.length === 0;
    const rows = [...merged(page, between, { isOver, left })];
    const text = rows.map((row) => `${row.line}\n`).join("");
    if (rows.length > 0) await orAborted(sink.write(encoder.encode(text)), signal);
    total.first ??= rows[0]?.event_id ?? null;
    total.last = rows.at(-1)?.event_id ?? total.last;
    total.lines += rows.length;
    if (total.last !== null) onWay(total.lines, total.last);
    const grown = Math.floor(PAGE_CHARS * page.length / Math.max(1, text.length));
    size = Math.max(1, Math.min(LARGEST_PAGE, size * 4, page.length === 0 ? size : grown));
  }
  return total;
}

/** A page with the lines that belong between its events; behind the last page also those that are left. */
function* merged(
  page: readonly PageLineRow[],
  between: LinesBetween,
  { isOver, left }: { readonly isOver: boolean; readonly left: number },
): Generator<PageLineRow> {
  let room = left;
  const until = function* (eventId: string | null) {
    for (let row = null; room > 0 && (row = between.before(eventId)) !== null; room--) yield row;
  };
  for (const row of page) {
    if (!between.isOver) yield* until(row.event_id);
    if (room-- <= 0) return;
    yield row;
  }
  if (isOver) yield* until(null);
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
