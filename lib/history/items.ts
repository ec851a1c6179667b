import type { HistoryPlace, HistoryRow } from "../../sql/state/history.ts";
import { hasResults } from "../model/event_types.ts";
import { isHeldId } from "../model/lms_ids.ts";
import { type EventMetadata, isCorrection } from "../model/event.ts";
import { type EpochMicros, formatUtc, fromInstant, toInstant } from "../model/time.ts";

/** What one line of a history is about. */
export interface HistoryItem {
  readonly at: EpochMicros;
  /** The oldest event in it. */
  readonly first: HistoryPlace;
  readonly events: number;
  readonly content: EventItem | WeekItem;
}

export interface EventItem {
  readonly is: "exam" | "content";
  readonly eventId: string;
  readonly type: string;
  readonly corrects: boolean;
  readonly title: string | null;
  readonly course: string | null;
  readonly tries: number | null;
  readonly metadata: EventMetadata;
}

export interface WeekItem {
  readonly is: "week";
  /** ISO date of its Monday. */
  readonly monday: string;
  readonly exams: number;
  readonly passed: number;
  readonly failed: number;
  /** Of marked exams, percent. */
  readonly average: number | null;
  readonly started: number;
  readonly finished: number;
  readonly days: number;
}

/** Weeks that are told event by event; those before are summed up. */
const WHOLE_WEEKS = 4;

/** Rows, newest first, as items, oldest first: single events of the last weeks, sums of the weeks before. Pure. */
export function itemsOf(rows: readonly HistoryRow[], now: EpochMicros, timezone: string): HistoryItem[] {
  const dayOf = (row: HistoryRow) => row.timestamp.toZonedDateTimeISO(timezone).toPlainDate();
  const today = toInstant(now).toZonedDateTimeISO(timezone).toPlainDate();
  const border = mondayOf(today).subtract({ weeks: WHOLE_WEEKS - 1 });
  const items: HistoryItem[] = [];
  const weeks = new Map<string, HistoryRow[]>();
  for (const row of [...rows].reverse()) {
    const day = dayOf(row);
    if (Temporal.PlainDate.compare(day, border) >= 0) items.push(eventItem(row));
    else {
      const monday = mondayOf(day).toString();
      const week = weeks.get(monday);
      if (week === undefined) weeks.set(monday, [row]);
      else week.push(row);
    }
  }
  return [...[...weeks].map(([monday, list]) => weekItem(monday, list, dayOf)), ...items];
}

const mondayOf = (day: Temporal.PlainDate) => day.subtract({ days: day.dayOfWeek - 1 });

/** One event as an item of its own. */
export function eventItem(row: HistoryRow): HistoryItem {
  return {
    at: fromInstant(row.timestamp),
    first: placeOf(row),
    events: 1,
    content: {
      is: hasResults(row.kind) ? "exam" : "content",
      eventId: row.event_id,
      type: row.event_type,
      corrects: isCorrection(row.change),
      title: row.activity_title,
      course: row.course,
      tries: row.attempt_no,
      metadata: row.activity_metadata as EventMetadata, // written by the recorder only, always with all keys
    },
  };
}

function weekItem(
  monday: string,
  rows: readonly HistoryRow[],
  dayOf: (row: HistoryRow) => Temporal.PlainDate,
): HistoryItem {
  const [first] = rows, last = rows.at(-1);
  if (first === undefined || last === undefined) throw new RangeError("A week of a history has no event");
  // A revision stands for what it replaces: each finish counts once, by its last report (rows are oldest first). A row of the LMS
  // that holds one try after another is an attempt for each, and a quiz and an assignment may have the same ids.
  const exams = [
    ...new Map(
      rows.filter(({ kind, stage }) => hasResults(kind) && stage === "finished")
        .map((row) => [`${row.kind}/${row.attempt_id}/${row.incarnation}`, row]),
    ).values(),
  ];
  const marks = exams.flatMap(({ activity_metadata }) => (activity_metadata as EventMetadata).percentage ?? []);
  const contents = rows.filter(({ kind }) => kind === "content");
  const contentsIn = (some: readonly HistoryRow[]) => new Set(some.map(({ activity_id }) => activity_id)).size;
  return {
    at: fromInstant(last.timestamp),
    first: placeOf(first),
    events: rows.length,
    content: {
      is: "week",
      monday,
      exams: exams.length,
      passed: exams.filter(({ event_type }) => event_type === "exam_passed").length,
      failed: exams.filter(({ event_type }) => event_type === "exam_failed").length,
      average: marks.length === 0 ? null : Math.round(marks.reduce((sum, mark) => sum + mark, 0) / marks.length),
      started: contentsIn(contents),
      finished: contentsIn(contents.filter(({ stage }) => stage === "finished")),
      days: new Set(rows.map((row) => dayOf(row).toString())).size,
    },
  };
}

const placeOf = (row: HistoryRow): HistoryPlace => ({
  at: formatUtc(fromInstant(row.timestamp)),
  eventId: row.event_id,
});

/** A place as a word for the command line, and back; `null`: no such word. */
export const cursorOf = ({ at, eventId }: HistoryPlace): string => `${at}/${eventId}`;
export function placeOfCursor(text: string): HistoryPlace | null {
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)\/(\d{1,19})$/.exec(text.trim());
  const [, at = "", eventId = ""] = parts ?? [];
  return parts !== null && isMoment(at) && isHeldId(eventId) ? { at, eventId } : null;
}

function isMoment(text: string): boolean {
  try {
    return formatUtc(fromInstant(Temporal.Instant.from(text))) === text;
  } catch {
    return false; // a thirteenth month
  }
}
