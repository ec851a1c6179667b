import type { EventFilter } from "../../sql/state/event_filter.ts";
import { erasureLines, type ExportQuery, newestLine } from "../../sql/state/export.ts";
import type { StateDb } from "../state/state_db.ts";
import type { ByteSink, Exported, OnWay } from "./byte_sink.ts";
import { exportByCopy } from "./copy_export.ts";
import { exportByPages } from "./page_export.ts";

export interface ExportRequest {
  readonly filter: EventFilter;
  readonly limit: number | null;
  /** With the ids of the LMS, usernames, addresses and Zulip ids. */
  readonly identified: boolean;
  /** 1: the line of lmsmon 0.1, without erasures. */
  readonly schema: 1 | 2;
  /** Only the last event of each attempt. */
  readonly latest: boolean;
  /** As `lib/export/xapi_format.ts` takes them, and without erasures, which are no statements. */
  readonly xapi: boolean;
  /** Only ids above it, and up to the other; `null`: no bound. */
  readonly after: string | null;
  readonly upTo: string | null;
  /** Whose erasures are exported where `filter.students` names students. */
  readonly erased?: readonly string[];
}

/**
 * Writes the selected events as JSON lines, ascending by event_id, and between them a line for each erasure; resolves when the
 * sink took all of them. Memory does not grow with their number. Throws what the sink throws, the signal's reason, or the
 * database's error.
 */
export async function exportEvents(
  db: StateDb,
  request: ExportRequest,
  sink: ByteSink,
  signal: AbortSignal,
  onWay: OnWay = () => {},
): Promise<Exported> {
  const { erased = [], ...asked } = request;
  // The last event of an attempt is one question over all parts: as of one moment, or an attempt that goes on meanwhile is there twice.
  const upTo = request.upTo ?? (request.latest ? (await newestLine(db.sql))[0]?.newest ?? "0" : null);
  const whole = { ...asked, upTo };
  const some = db.copy ? exportByCopy : exportByPages;
  // Few, and each ends a stretch of events, which then pass through as they come from the database.
  const erasures = request.schema === 1 || request.xapi ? [] : await erasureLines(db.sql, whole, erased);
  const total = new Total(request.limit, onWay);
  const encoder = new TextEncoder();
  let after = request.after;
  for (const { event_id, line } of erasures) {
    total.add(await some(db, part(whole, after, event_id, total.left), sink, signal, total.onWay));
    if (total.left === 0) return total.exported;
    signal.throwIfAborted();
    await sink.write(encoder.encode(`${line}\n`));
    total.add({ lines: 1, first: event_id, last: event_id, erasures: [event_id] });
    if (total.left === 0) return total.exported;
    after = event_id;
  }
  total.add(await some(db, part(whole, after, upTo, total.left), sink, signal, total.onWay));
  return total.exported;
}

function part(
  request: Omit<ExportQuery, "after" | "upTo" | "limit">,
  after: string | null,
  upTo: string | null,
  left: number,
): ExportQuery {
  return { ...request, after, upTo, limit: left === Infinity ? null : left };
}

/** What the parts of an export come to. */
class Total {
  #exported: Exported = { lines: 0, first: null, last: null };
  readonly #erasures: string[] = [];

  constructor(private readonly limit: number | null, private readonly hear: OnWay) {}

  get exported(): Exported {
    return this.#erasures.length === 0 ? this.#exported : { ...this.#exported, erasures: this.#erasures };
  }

  get left(): number {
    return this.limit === null ? Infinity : this.limit - this.#exported.lines;
  }

  readonly onWay: OnWay = (lines, last) => this.hear(this.#exported.lines + lines, last);

  add({ lines, first, last, erasures = [] }: Exported): void {
    const sum = this.#exported;
    this.#erasures.push(...erasures);
    this.#exported = { lines: sum.lines + lines, first: sum.first ?? first, last: last ?? sum.last };
  }
}
