import type { EventFilter } from "../../sql/state/event_filter.ts";
import { erasureLines, newestLine } from "../../sql/state/export.ts";
import type { StateDb } from "../state/state_db.ts";
import type { ByteSink, Exported, OnWay } from "./byte_sink.ts";
import { exportByCopy } from "./copy_export.ts";
import { LinesBetween } from "./lines_between.ts";
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
  // As of one moment: else whoever counts on by the last id would pass over an erasure that was made while lines were read, and an attempt
  // that goes on meanwhile would be among the latest twice.
  const upTo = request.upTo ?? (await newestLine(db.sql))[0]?.newest ?? "0";
  const query = { ...asked, upTo };
  const between = new LinesBetween(
    request.schema === 1 || request.xapi ? [] : await erasureLines(db.sql, query, erased),
  );
  const exported = await (db.copy ? exportByCopy : exportByPages)(db, query, { between, sink, signal, onWay });
  return between.written.length === 0 ? exported : { ...exported, erasures: between.written };
}
