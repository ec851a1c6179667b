import { z } from "zod";
import { int4, int8, jsonb, neverNull, text, timestamptz } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const HistoryRow = z.object({
  event_id: int8,
  event_type: text,
  attempt_id: int8,
  incarnation: int4,
  kind: text,
  stage: text,
  revision: int4,
  change: z.enum(["first_result", "verdict", "score", "reused"]).nullable(),
  attempt_no: int4.nullable(),
  timestamp: timestamptz,
  activity_id: int8.nullable(),
  activity_title: text.nullable(),
  course_id: int8.nullable(),
  course: text.nullable(),
  activity_metadata: jsonb,
});
export type HistoryRow = z.infer<typeof HistoryRow>;

/** A place in a student's history: everything before it is older. */
export interface HistoryPlace {
  /** ISO time. */
  readonly at: string;
  readonly eventId: string;
}

/** When lmsmon found an event, ISO times: from `since` on, before `until`. */
export interface DetectedIn {
  readonly since: string | null;
  readonly until: string | null;
}

export interface HistoryRange {
  readonly since: string | null;
  readonly detected: DetectedIn;
  readonly before: HistoryPlace | null;
}

const isIn = (sql: Queryable, { since, detected, before }: HistoryRange) =>
  sql`(${since}::timestamptz is null or timestamp >= ${since}::timestamptz)
       and (${detected.since}::timestamptz is null or created_at >= ${detected.since}::timestamptz)
       and (${detected.until}::timestamptz is null or created_at < ${detected.until}::timestamptz)
       and (${before?.at ?? null}::timestamptz is null
         or (timestamp, event_id) < (${before?.at ?? null}::timestamptz, ${before?.eventId ?? null}::bigint))`;

/** The newest events of a student before a place, newest first. */
export const historyEvents = (
  sql: Queryable,
  source: string,
  student: string,
  { limit, ...range }: HistoryRange & { readonly limit: number },
) =>
  sql<HistoryRow[]>`
    select event_id, event_type, attempt_id, incarnation, kind, stage, revision, change, attempt_no, timestamp, activity_id,
           activity_title, course_id, course, activity_metadata
      from lmsmon.lms_activity_events
     where source = ${source} and student_id = ${student}::bigint and ${isIn(sql, range)}
     order by timestamp desc, event_id desc limit ${limit}::int`;

export const NewestEventRow = HistoryRow.extend({ student_id: neverNull(int8) });
export type NewestEventRow = z.infer<typeof NewestEventRow>;

/** The newest events of each of some students, newest first: of all, or (`known`: ISO time) of what was known then. */
export const newestEvents = (
  sql: Queryable,
  source: string,
  students: readonly string[],
  limit: number,
  known: string | null,
) =>
  sql<NewestEventRow[]>`
    select u.id as student_id, e.*
      from unnest(${students as string[]}::bigint[]) with ordinality as u (id, position)
     cross join lateral (
       select event_id, event_type, attempt_id, incarnation, kind, stage, revision, change, attempt_no, timestamp, activity_id,
              activity_title, course_id, course, activity_metadata
         from lmsmon.lms_activity_events
        where source = ${source} and student_id = u.id
          ${
    known === null
      ? sql``
      : sql`and timestamp <= ${known}::timestamptz and (created_at <= ${known}::timestamptz or origin = 'backfill')`
  }
        order by timestamp desc, event_id desc limit ${limit}::int) e
     order by u.position, e.timestamp desc, e.event_id desc`;

export const HistoryCountRow = z.object({ events: neverNull(int4) });
export type HistoryCountRow = z.infer<typeof HistoryCountRow>;

export const countHistory = (sql: Queryable, source: string, student: string, range: HistoryRange) =>
  sql<HistoryCountRow[]>`
    select count(*)::int as events
      from lmsmon.lms_activity_events
     where source = ${source} and student_id = ${student}::bigint and ${isIn(sql, range)}`;
