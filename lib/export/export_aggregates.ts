import type { EventFilter } from "../../sql/state/event_filter.ts";
import { newestLine } from "../../sql/state/export.ts";
import { aggregatePage, type AggregateRow, type StudentIdRow, studentIdsAfter } from "../../sql/state/export_views.ts";
import { retryCutReads } from "../base/retry.ts";
import type { StateDb } from "../state/state_db.ts";
import { type ByteSink, type Exported, orAborted } from "./byte_sink.ts";
import type { StudentLine, WeekLine } from "./line_schemas.ts";

/** Students read at a time: a term of each is some hundred events. */
const STUDENTS = 200;

export interface AggregateRequest {
  readonly view: "students" | "weeks";
  readonly filter: EventFilter;
  readonly identified: boolean;
  readonly limit: number | null;
  readonly timezone: string;
  /** Only events with ids up to it; `null`: up to the newest of now. */
  readonly upTo: string | null;
}

/** Pages of lines for the views `students` and `weeks`, by student. */
export async function* aggregateLines(
  db: StateDb,
  { view, filter, identified, timezone, ...asked }: AggregateRequest,
): AsyncGenerator<(StudentLine | WeekLine)[]> {
  const per = view === "students" ? "student" : "week";
  const lineOf = per === "student" ? studentLineOf : weekLineOf;
  const upTo = asked.upTo ?? (await retryCutReads(() => newestLine(db.sql)))[0]?.newest ?? "0";
  const pageOf = (studentIds: readonly string[]) =>
    retryCutReads(() => aggregatePage(db.sql, { filter, studentIds, per, timezone, upTo }));
  if (filter.students !== null) {
    const studentIds = [...new Set(filter.students.map(({ id }) => id))];
    const rows = await pageOf(studentIds);
    return yield rows.map((row) => lineOf(row, identified));
  }
  for (let after: string | null = null;;) {
    const from = after;
    const students: StudentIdRow[] = await retryCutReads(() => studentIdsAfter(db.sql, from, STUDENTS));
    const studentIds = students.map((row) => row.student_id);
    if (studentIds.length === 0) return;
    const rows = await pageOf(studentIds);
    yield rows.map((row) => lineOf(row, identified));
    after = studentIds.at(-1) ?? null;
  }
}

/** Writes them as JSON lines, as {@link exportEvents} does those of events. */
export async function exportAggregates(
  db: StateDb,
  request: AggregateRequest,
  sink: ByteSink,
  signal: AbortSignal,
): Promise<Exported> {
  const encoder = new TextEncoder();
  let left = request.limit ?? Infinity;
  let lines = 0;
  for await (const page of aggregateLines(db, request)) {
    signal.throwIfAborted();
    const taken = page.slice(0, left);
    await orAborted(sink.write(encoder.encode(taken.map((line) => `${JSON.stringify(line)}\n`).join(""))), signal);
    lines += taken.length;
    left -= taken.length;
    if (left === 0) break;
  }
  return { lines, first: null, last: null };
}

function studentOf(row: AggregateRow, identified: boolean): StudentLine["student"] {
  const batches = JSON.parse(row.batch_ids) as string[] | null;
  if (!identified) return { id: row.pseudonym, batch_ids: batches, username: null, email: null, zulip_user_id: null };
  const zulip = JSON.parse(row.zulip_user_id) as string | number | null;
  return { id: row.student_key, batch_ids: batches, username: row.username, email: row.email, zulip_user_id: zulip };
}

function examsOf(row: AggregateRow): StudentLine["exams"] {
  const judged = row.exams_passed + row.exams_failed;
  return {
    attempts: row.exam_attempts,
    finished: row.exams_finished,
    passed: row.exams_passed,
    failed: row.exams_failed,
    ungraded: row.exams_ungraded,
    pass_rate: judged === 0 ? null : Math.round(row.exams_passed / judged * 10_000) / 10_000,
    mean_percentage: row.mean_percentage,
  };
}

const contentsOf = (row: AggregateRow) => ({ attempts: row.content_attempts, finished: row.contents_finished });

function studentLineOf(row: AggregateRow, identified: boolean): StudentLine {
  return {
    schema: 2,
    source: row.source,
    student: studentOf(row, identified),
    events: row.events,
    active_days: row.active_days,
    first_occurred_at: JSON.parse(row.first_occurred_at) as string,
    last_occurred_at: JSON.parse(row.last_occurred_at) as string,
    last_percentage: row.last_percentage,
    exams: examsOf(row),
    contents: contentsOf(row),
  };
}

function weekLineOf(row: AggregateRow, identified: boolean): WeekLine {
  return {
    schema: 2,
    source: row.source,
    student: studentOf(row, identified),
    week: row.week ?? "",
    week_start: row.week_start ?? "",
    events: row.events,
    active_days: row.active_days,
    exams: examsOf(row),
    contents: contentsOf(row),
  };
}
