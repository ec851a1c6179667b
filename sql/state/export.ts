import { z } from "zod";
import { int4, int8, neverNull, text } from "./columns.ts";
import { bigint, eventConditions, type EventFilter, type TextRunner } from "./event_filter.ts";
import type { Queryable } from "./queryable.ts";

export interface ExportQuery {
  readonly filter: EventFilter;
  /** Only event ids above it; `null`: from the first. */
  readonly after: string | null;
  readonly limit: number | null;
  readonly identified: boolean;
}

function selection({ filter, after, limit, identified }: ExportQuery, columns: (line: string) => string): string {
  return `select ${columns(identified ? "identified_line" : "line")} from lmsmon.export_v1` +
    ` where ${after === null ? "true" : `event_id > ${bigint(after)}`}${eventConditions(filter, "detected_at")}` +
    ` order by event_id${limit === null ? "" : ` limit ${Math.trunc(limit)}`}`;
}

/** Between the event id and the line of a row that {@link copyLines} sends: a byte that JSON text never holds. */
export const CURSOR_END = 0x02;

/**
 * COPY of whole lines with their line ends, each behind its event id and {@link CURSOR_END}. CSV with a quote and a delimiter
 * that JSON always escapes: nothing is ever quoted, so what arrives are the lines as they are (text format would double
 * every backslash).
 */
export const copyLines = (sql: TextRunner, query: ExportQuery) =>
  sql.unsafe(
    `copy (${
      selection(query, (line) => `event_id, ${line}`)
    }) to stdout with (format csv, quote e'\\x01', delimiter e'\\x02')`,
  );

export const PageLineRow = z.object({ event_id: neverNull(int8), line: neverNull(text) });
export type PageLineRow = z.infer<typeof PageLineRow>;

export const pageLines = (sql: TextRunner, query: ExportQuery & { readonly limit: number }) =>
  sql.unsafe<PageLineRow[]>(selection(query, (line) => `event_id, ${line} as line`));

export const MarkedRow = z.object({ marked: neverNull(int4), last: text.nullable() });
export type MarkedRow = z.infer<typeof MarkedRow>;

/**
 * Marks exported events with after < event_id <= upTo, at most `limit`, in ascending order; `last` is the highest event_id
 * marked, `null` when none was left.
 */
export const markExported = (
  sql: TextRunner,
  range: { readonly filter: EventFilter; readonly after: string; readonly upTo: string; readonly limit: number },
) =>
  sql.unsafe<MarkedRow[]>(
    `with page as materialized (` +
      `select event_id from lmsmon.lms_activity_events where event_id > ${bigint(range.after)}` +
      ` and event_id <= ${bigint(range.upTo)} and not processed_for_ai${eventConditions(range.filter, "created_at")}` +
      ` order by event_id limit ${Math.trunc(range.limit)}),` +
      ` done as (update lmsmon.lms_activity_events e set processed_for_ai = true from page` +
      ` where e.event_id = page.event_id)` +
      ` select count(*)::int as marked, max(event_id)::text as last from page`,
  );

export const FoundStudentRow = z.object({ source: neverNull(text), id: neverNull(text) });
export type FoundStudentRow = z.infer<typeof FoundStudentRow>;

/** Students whom a text names, by LMS id or username; also one of whom only events are known. */
export const findStudents = (sql: Queryable, text: string, id: string | null) =>
  sql<FoundStudentRow[]>`
    select source, id::text as id from lmsmon.people
     where role = 'student' and (username = ${text} or id = ${id}::bigint)
    union
    select distinct source, student_id::text from lmsmon.lms_activity_events where student_id = ${id}::bigint
    order by 1, 2`;
