import type postgres from "postgres";

/** Which events are meant, wherever events are read; `null` (or false) stands for "all". */
export interface EventFilter {
  /** ISO 8601 with zone; detected_at >= since and < until. */
  readonly since: string | null;
  readonly until: string | null;
  readonly types: readonly string[] | null;
  readonly source: string | null;
  readonly students: readonly StudentKey[] | null;
  readonly unprocessed: boolean;
}

export interface StudentKey {
  readonly source: string;
  /** LMS id, decimal text. */
  readonly id: string;
}

/** A pool or a transaction that runs a finished text. */
export type TextRunner = Pick<postgres.ISql<Record<string, unknown>>, "unsafe">;

// COPY takes no parameters: its text is made here, out of values that literal() and bigint() have made harmless. Pages,
// marking and typed reading use the same text, so that none of them can mean other events.

export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
  return text.includes("\\") ? `E${quoted}` : quoted;
}

export function bigint(text: string): string {
  if (!/^-?\d{1,19}$/.test(text)) throw new RangeError("Cannot use this as an id: it is no whole number");
  return `'${text}'::bigint`;
}

/** `and …` conditions on the view's columns, or on the table's, where detected_at is called created_at. */
export function eventConditions(filter: EventFilter, detectedAt: "detected_at" | "created_at"): string {
  const parts: string[] = [];
  if (filter.since !== null) parts.push(`${detectedAt} >= ${literal(filter.since)}::timestamptz`);
  if (filter.until !== null) parts.push(`${detectedAt} < ${literal(filter.until)}::timestamptz`);
  if (filter.types !== null) parts.push(`event_type = any (array[${filter.types.map(literal).join(", ")}]::text[])`);
  if (filter.source !== null) parts.push(`source = ${literal(filter.source)}`);
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
