import { z } from "zod";
import { float8, int4, int8, neverNull, text } from "./columns.ts";
import { bigint, eventConditions, type EventFilter, literal, type TextRunner } from "./event_filter.ts";
import type { Queryable } from "./queryable.ts";
import { zoneWord } from "./zone_word.ts";

export interface AggregateQuery {
  readonly filter: EventFilter;
  /** Students by id, decimal text. */
  readonly studentIds: readonly string[];
  /** A line a student, or one for each of the student's weeks, which begin on Monday in this zone. */
  readonly per: "student" | "week";
  readonly timezone: string;
  /** Only events with ids up to it, so that all pages are of one moment; `null`: to the last. */
  readonly upTo: string | null;
}

export const StudentIdRow = z.object({ student_id: neverNull(int8) });
export type StudentIdRow = z.infer<typeof StudentIdRow>;

/**
 * Ids of students with events, ascending, above `after`. Found one by one along the index of (student_id, timestamp): asked for
 * distinct ones, everything would be read for each page.
 */
export const studentIdsAfter = (sql: Queryable, after: string | null, count: number) =>
  sql<StudentIdRow[]>`
    with recursive ids (student_id, n) as (
      (select student_id, 1 from lmsmon.lms_activity_events
        where student_id > coalesce(${after}::bigint, -9223372036854775808) order by student_id limit 1)
      union all
      select (select e.student_id from lmsmon.lms_activity_events e where e.student_id > ids.student_id
               order by e.student_id limit 1), n + 1
        from ids where ids.student_id is not null and n < ${count}::int)
    select student_id from ids where student_id is not null order by student_id`;

export const AggregateRow = z.object({
  source: text,
  student_id: neverNull(int8),
  student_key: neverNull(text),
  pseudonym: neverNull(text),
  /** JSON. */
  batch_ids: neverNull(text),
  username: text.nullable(),
  email: text.nullable(),
  /** JSON. */
  zulip_user_id: neverNull(text),
  /** ISO week and its Monday; `null` where lines are not by week. */
  week: text.nullable(),
  week_start: text.nullable(),
  events: neverNull(int4),
  active_days: neverNull(int4),
  /** JSON texts. */
  first_occurred_at: neverNull(text),
  last_occurred_at: neverNull(text),
  last_percentage: float8.nullable(),
  exam_attempts: neverNull(int4),
  exams_finished: neverNull(int4),
  exams_passed: neverNull(int4),
  exams_failed: neverNull(int4),
  exams_ungraded: neverNull(int4),
  mean_percentage: float8.nullable(),
  content_attempts: neverNull(int4),
  contents_finished: neverNull(int4),
});
export type AggregateRow = z.infer<typeof AggregateRow>;

/** What students did. Attempts count by their last event, in the week of that event. */
export const aggregatePage = (sql: TextRunner, query: AggregateQuery) => {
  const { filter, studentIds, per, timezone, upTo } = query;
  const zone = literal(zoneWord(timezone));
  const week = per === "week" ? `date_trunc('week', e.timestamp at time zone ${zone})` : "null::timestamp";
  return sql.unsafe<AggregateRow[]>(`
    with seen as (
      select e.source, e.student_id, e.student_username, e.kind, e.stage, e.event_type, e.timestamp, e.event_id, e.zulip_user_id,
        (e.timestamp at time zone ${zone})::date as day, ${week} as week,
        coalesce((e.activity_metadata ->> 'graded')::boolean, false) as is_graded, (e.activity_metadata ->> 'percentage')::float8 as percentage,
        row_number() over (partition by e.source, e.kind, e.attempt_id, e.incarnation order by e.event_id desc) = 1 as is_last
        from lmsmon.lms_activity_events e
       where e.student_id = any (array[${studentIds.map(bigint).join(", ")}]::bigint[])${
    eventConditions(filter, "created_at")
  }${upTo === null ? "" : ` and e.event_id <= ${bigint(upTo)}`}),
    sums as (
      select source, student_id, week, max(student_username) as student_username, max(zulip_user_id) as zulip_user_id,
        count(*)::int as events, count(distinct day)::int as active_days,
        min(timestamp) as first_at, max(timestamp) as last_at,
        (array_agg(percentage order by timestamp desc, event_id desc)
           filter (where is_last and kind <> 'content' and percentage is not null))[1] as last_percentage,
        count(*) filter (where is_last and kind <> 'content')::int as exam_attempts,
        count(*) filter (where is_last and kind <> 'content' and stage = 'finished')::int as exams_finished,
        count(*) filter (where is_last and event_type = 'exam_passed')::int as exams_passed,
        count(*) filter (where is_last and event_type = 'exam_failed')::int as exams_failed,
        count(*) filter (where is_last and event_type = 'exam_completed' and not is_graded)::int as exams_ungraded,
        round((avg(percentage) filter (where is_last and kind <> 'content' and stage = 'finished'))::numeric, 2)::float8 as mean_percentage,
        count(*) filter (where is_last and kind = 'content')::int as content_attempts,
        count(*) filter (where is_last and kind = 'content' and stage = 'finished')::int as contents_finished
        from seen group by source, student_id, week)
    select s.source, s.student_id, lmsmon.lms_key(s.source, s.student_id) as student_key,
      coalesce(p.pseudonym, lmsmon.pseudonym('student', s.source, s.student_id)) as pseudonym,
      lmsmon.export_keys(s.source, p.batch_ids) as batch_ids, coalesce(p.username, s.student_username) as username, p.email,
      coalesce(lmsmon.export_id(s.zulip_user_id), 'null') as zulip_user_id,
      to_char(s.week, 'IYYY"-W"IW') as week, to_char(s.week, 'YYYY-MM-DD') as week_start, s.events, s.active_days,
      lmsmon.export_time(s.first_at) as first_occurred_at, lmsmon.export_time(s.last_at) as last_occurred_at,
      s.last_percentage, s.exam_attempts, s.exams_finished, s.exams_passed, s.exams_failed, s.exams_ungraded,
      s.mean_percentage, s.content_attempts, s.contents_finished
      from sums s left join lmsmon.people p on p.source = s.source and p.role = 'student' and p.id = s.student_id
     order by s.student_id, s.source, s.week`);
};
