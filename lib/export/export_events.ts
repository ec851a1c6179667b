import type { EventFilter, StudentKey } from "../../sql/state/event_filter.ts";
import { findStudents } from "../../sql/state/export.ts";
import type { StateDb } from "../state/state_db.ts";
import type { ByteSink, Exported, OnWay } from "./byte_sink.ts";
import { exportByCopy } from "./copy_export.ts";
import { exportByPages } from "./page_export.ts";

export interface ExportRequest {
  readonly filter: EventFilter;
  readonly limit: number | null;
  /** With usernames, addresses and Zulip ids. */
  readonly identified: boolean;
}

/**
 * Writes the selected events as JSON lines, ascending by event_id; resolves when the sink took all of them. Memory does not
 * grow with their number. Throws what the sink throws, the signal's reason, or the database's error.
 */
export function exportEvents(
  db: StateDb,
  request: ExportRequest,
  sink: ByteSink,
  signal: AbortSignal,
  onWay: OnWay = () => {},
): Promise<Exported> {
  const query = { ...request, after: null };
  return db.copy ? exportByCopy(db, query, sink, signal, onWay) : exportByPages(db, query, sink, signal, onWay);
}

/** The students that a person means by an LMS id or a username; none when nobody is known by it. */
export async function studentsNamed(db: StateDb, text: string): Promise<StudentKey[]> {
  const isId = /^\d{1,19}$/.test(text) && BigInt(text) < 2n ** 63n;
  return [...await findStudents(db.sql, text, isId ? text : null)];
}
