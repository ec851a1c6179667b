import { z } from "zod";
import type postgres from "postgres";
import { int4, int8, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

/** Which events to export; `null` (or false) stands for "all". */
export interface ExportFilter {
  /** ISO 8601 with zone; detected_at >= since and < until. */
  readonly since: string | null;
  readonly until: string | null;
  readonly types: readonly string[] | null;
  readonly students: readonly StudentKey[] | null;
  readonly unprocessed: boolean;
}

export interface StudentKey {
  readonly source: string;
  /** LMS id, decimal text. */
  readonly id: string;
}

export interface ExportQuery {
  readonly filter: ExportFilter;
  /** Only event ids above it; `null`: from the first. */
  readonly after: string | null;
  readonly limit: number | null;
  readonly identified: boolean;
}

/** A pool or a transaction that runs a finished text. */
type TextRunner = Pick<postgres.ISql<Record<string, unknown>>, "unsafe">;

// COPY takes no parameters: its text is made here, out of values that literal() and bigint() have made harmless. Pages and
// marking use the same text, so that the three cannot mean different events.

function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
  return text.includes("\\") ? `E${quoted}` : quoted;
}

function bigint(text: string): string {
  if (!/^-?\d{1,19}$/.test(text)) throw new RangeError("Cannot use this as an id: it is no whole number");
  return `'${text}'::bigint`;
}

/** `and …` conditions on the view's columns, or on the table's, where detected_at is called created_at. */
function conditions(filter: ExportFilter, detectedAt: "detected_at" | "created_at"): string {
  const parts: string[] = [];
  if (filter.since !== null) parts.push(`${detectedAt} >= ${literal(filter.since)}::timestamptz`);
  if (filter.until !== null) parts.push(`${detectedAt} < ${literal(filter.until)}::timestamptz`);
  if (filter.types !== null) parts.push(`event_type = any (array[${filter.types.map(literal).join(", ")}]::text[])`);
  if (filter.students !== null) {
    // The ids alone find the index; two sources may have the same id for two people.
    const { students } = filter;
    parts.push(`student_id = any (array[${students.map(({ id }) => bigint(id)).join(", ")}]::bigint[])`);
    const pairs = students.map(({ source, id }) => `(${literal(source)}, ${bigint(id)})`).join(", ");
    parts.push(students.length === 0 ? "false" : `(source, student_id) in (${pairs})`);
  }
  if (filter.unprocessed) parts.push("not processed_for_ai");
  return parts.map((part) => ` and ${part}`).join("");
}

function selection({ filter, after, limit, identified }: ExportQuery, columns: (line: string) => string): string {
  return `select ${columns(identified ? "identified_line" : "line")} from lmsmon.export_v1` +
    ` where ${after === null ? "true" : `event_id > ${bigint(after)}`}${conditions(filter, "detected_at")}` +
    ` order by event_id${limit === null ? "" : ` limit ${Math.trunc(limit)}`}`;
}

/**
 * COPY of whole lines with their line ends. CSV with a quote and a delimiter that JSON always escapes: nothing is ever
 * quoted, so what arrives are the lines as they are (text format would double every backslash).
 */
export const copyLines = (sql: TextRunner, query: ExportQuery) =>
  sql.unsafe(
    `copy (${selection(query, (line) => line)}) to stdout with (format csv, quote e'\\x01', delimiter e'\\x02')`,
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
  range: { readonly filter: ExportFilter; readonly after: string; readonly upTo: string; readonly limit: number },
) =>
  sql.unsafe<MarkedRow[]>(
    `with page as materialized (` +
      `select event_id from lmsmon.lms_activity_events where event_id > ${bigint(range.after)}` +
      ` and event_id <= ${bigint(range.upTo)} and not processed_for_ai${conditions(range.filter, "created_at")}` +
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
