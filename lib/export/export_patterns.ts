import { type PatternRow, patternsAfter } from "../../sql/state/patterns.ts";
import type { EventFilter } from "../../sql/state/event_filter.ts";
import { jsonId } from "../model/lms_ids.ts";
import type { PatternType, PatternValues } from "../model/pattern_types.ts";
import { formatUtc, fromInstant } from "../model/time.ts";
import { retryCutReads } from "../base/retry.ts";
import type { StateDb } from "../state/state_db.ts";
import { type ByteSink, type Exported, orAborted } from "./byte_sink.ts";
import type { PatternLine } from "./line_schemas.ts";

const PAGE = 1_000;

export interface PatternsRequest {
  /** Times are those of finding. */
  readonly filter: EventFilter;
  readonly identified: boolean;
  readonly limit: number | null;
}

/** Writes patterns as JSON lines, in the order in which they were found. */
export async function exportPatterns(
  db: StateDb,
  { filter, identified, limit }: PatternsRequest,
  sink: ByteSink,
  signal: AbortSignal,
): Promise<Exported> {
  const encoder = new TextEncoder();
  const students = filter.students === null ? null : filter.students.map(({ id }) => id);
  const sources = filter.students === null ? null : new Set(filter.students.map(({ source, id }) => `${source}/${id}`));
  let left = limit ?? Infinity;
  let lines = 0;
  for (let after = "0"; left > 0;) {
    signal.throwIfAborted();
    const { since, until } = filter;
    const from = after;
    const page = [
      ...await retryCutReads(() => patternsAfter(db.sql, { since, until, students, after: from, limit: PAGE }), signal),
    ];
    if (page.length === 0) break;
    after = page.at(-1)?.pattern_id ?? after;
    const own = page.filter((row) =>
      (filter.source === null || filter.source === row.source) &&
      (sources === null || sources.has(`${row.source}/${row.student_id}`))
    ).slice(0, left);
    const text = own.map((row) => `${JSON.stringify(lineOf(row, identified))}\n`).join("");
    await orAborted(sink.write(encoder.encode(text)), signal);
    lines += own.length;
    left -= own.length;
  }
  return { lines, first: null, last: null };
}

function lineOf(row: PatternRow, identified: boolean): PatternLine {
  const student = identified
    ? { id: row.student_key, batch_ids: null, username: row.username, email: row.email, zulip_user_id: null }
    : { id: row.pseudonym, batch_ids: null, username: null, email: null, zulip_user_id: null };
  const { idle_days, course_idle_days, active_days, usual_active_days, ranks, slope } = row.evidence as PatternValues; // written by the search only
  return {
    schema: 2,
    pattern_id: jsonId(row.pattern_id),
    pattern_type: row.type as PatternType, // the table holds no other
    source: row.source,
    student,
    course_id: row.course_key,
    day: row.day,
    since: row.since,
    found_at: formatUtc(fromInstant(row.found_at)),
    history: row.history,
    ended_day: row.ended_day,
    withdrawn_day: row.withdrawn_day,
    event_ids: row.event_ids.map(jsonId),
    activity_ids: JSON.parse(row.activity_ids) as string[],
    evidence: {
      idle_days,
      course_idle_days,
      active_days,
      usual_active_days,
      ranks: ranks === null ? null : [...ranks],
      slope,
    },
  };
}
