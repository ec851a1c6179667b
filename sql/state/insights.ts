import { z } from "zod";
import { bool, float8, int4, int8, neverNull } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

/** What was known at the end of a day, of one source, in one course or in all. */
export interface InsightsAsOf {
  readonly source: string;
  /** ISO time: what occurred, and was detected, until then. */
  readonly known: string;
  /** ISO date of that day in `timezone`. */
  readonly day: string;
  readonly timezone: string;
  readonly course: string | null;
}

/** One student in one course: the seven values of the score, and what words are made of. */
export const StandingRow = z.object({
  course_id: neverNull(int8),
  student_id: neverNull(int8),
  n_cohort: neverNull(int4),
  /** The course has an exam with a due date. */
  has_due_dates: neverNull(bool),
  idle: neverNull(float8),
  p_active: neverNull(float8),
  p_breadth: neverNull(float8),
  miss_rate: neverNull(float8),
  p_sub: neverNull(float8),
  p_score: neverNull(float8),
  margin: neverNull(float8),
  /** Days since the last activity; null: never active. */
  idle_days: int4.nullable(),
  active_days: neverNull(int4),
  contents: neverNull(int4),
  submitted: neverNull(int4),
  due: neverNull(int4),
  missed: neverNull(int4),
  marked: neverNull(int4),
  average: float8.nullable(),
  /** Null: nothing was due yet. */
  last_due_submitted: bool.nullable(),
});
export type StandingRow = z.infer<typeof StandingRow>;

/**
 * Where each student stands in each course on a day, by what was known on that day: an event counts when it occurred and was detected
 * by then, or belongs to first contact's history; versions of dates and memberships likewise. Ranks are within the course's members of
 * that day; the rank of equals is their average.
 *
 * Members: those enrolled in the course where the LMS says so; else the active students of a batch of which three in ten have activity in
 * the course, and active students with an event in it. A state without any enrolment takes everybody with an event.
 */
export const standings = (sql: Queryable, { source, known, day, timezone, course }: InsightsAsOf) =>
  sql<StandingRow[]>`
    with events as materialized (
      select e.course_id, e.student_id, e.kind, e.activity_id, e.event_id, e.at,
             ${day}::date - (e.at at time zone ${timezone}::text)::date as days_ago, e.percentage
        from (
          select course_id, student_id, kind, activity_id, event_id,
                 -- a content that was first seen finished was started before; a start later than its finish is a clock's
                 case when kind = 'content' and stage = 'finished'
                      then least(timestamp, (activity_metadata ->> 'started_at')::timestamptz) else timestamp end as at,
                 case when kind = 'exam' then (activity_metadata ->> 'percentage')::float8 end as percentage
            from lmsmon.lms_activity_events
           where source = ${source} and (kind = 'content' or stage = 'finished')
             and (created_at <= ${known}::timestamptz or origin = 'backfill')
             and course_id is not null and student_id is not null and activity_id is not null
             and (${course}::bigint is null or course_id = ${course}::bigint)) e
       where e.at <= ${known}::timestamptz
    ),
    versions as materialized (
      select student_id, scope, scope_id, coalesce(joined_at, case when history then null else seen_at end) as joined_at,
             active and (joined_at is null or joined_at <= ${known}::timestamptz)
               and (left_at is null or left_at > ${known}::timestamptz) as active,
             replaced_at is null or replaced_at > ${known}::timestamptz as is_valid
        from lmsmon.enrolments
       where source = ${source} and (seen_at <= ${known}::timestamptz or history)
    ),
    -- joined: null says before lmsmon looked, which is earlier than any time
    belongs as materialized (
      select student_id, scope, scope_id,
             case when bool_or(joined_at is null) then null else min(joined_at) end as joined_at
        from versions group by student_id, scope, scope_id having bool_or(is_valid and active)
    ),
    in_course as materialized (
      select course_id, student_id from events group by course_id, student_id
    ),
    sizes as (
      select scope_id, count(*) as size from belongs where scope = 'batch' group by scope_id
    ),
    batch_courses as (
      select b.scope_id, c.course_id
        from belongs b join in_course c on c.student_id = b.student_id join sizes s on s.scope_id = b.scope_id
       where b.scope = 'batch'
       group by b.scope_id, c.course_id, s.size having count(*) >= 0.3 * s.size
    ),
    candidates as (
      select b.scope_id as course_id, b.student_id, b.joined_at, 1 as place from belongs b
       where b.scope = 'course' and (${course}::bigint is null or b.scope_id = ${course}::bigint)
      union all
      select c.course_id, b.student_id, b.joined_at, 1 from batch_courses c
        join belongs b on b.scope = 'batch' and b.scope_id = c.scope_id
       where not exists (select from versions where scope = 'course')
      union all
      select c.course_id, c.student_id, b.joined_at, 2 from in_course c
        join belongs b on b.scope = 'site' and b.student_id = c.student_id
       where not exists (select from versions where scope = 'course')
      union all
      select course_id, student_id, null, 3 from in_course where not exists (select from versions)
    ),
    members as materialized (
      select course_id, student_id, joined_day, (count(*) over (partition by course_id))::int as n_cohort
        from (
          select distinct on (course_id, student_id) course_id, student_id,
                 (joined_at at time zone ${timezone}::text)::date as joined_day
            from candidates order by course_id, student_id, place, joined_at nulls first) m
    ),
    due_dates as materialized (
      select activity_id, course_id, due_at, (due_at at time zone ${timezone}::text)::date as due_day, is_final
        from lmsmon.activities
       where source = ${source} and kind = 'exam' and (seen_at <= ${known}::timestamptz or history)
         and (replaced_at is null or replaced_at > ${known}::timestamptz) and due_at is not null
         and course_id is not null
    ),
    exempt as materialized (
      select distinct student_id, activity_id from lmsmon.exemptions
       where source = ${source} and kind = 'exam' and (seen_at <= ${known}::timestamptz or history)
         and (replaced_at is null or replaced_at > ${known}::timestamptz)
    ),
    activity as materialized (
      select course_id, student_id, min(days_ago) as idle_days,
             (count(distinct days_ago) filter (where days_ago < 28))::int as active_days,
             (count(distinct activity_id) filter (where kind = 'content'))::int as contents
        from events group by course_id, student_id
    ),
    -- an exam once a student, whatever the number of attempts: handed in with the first, marked by the last with a mark
    submissions as materialized (
      select e.course_id, e.student_id, e.activity_id, max(e.days_ago) as days_ago,
             (array_agg(e.percentage order by e.at desc, e.event_id desc) filter (where e.percentage is not null))[1]
               as percentage
        from events e join members m on m.course_id = e.course_id and m.student_id = e.student_id
       where e.kind = 'exam' group by e.course_id, e.student_id, e.activity_id
    ),
    handed_in as (
      select s.course_id, s.student_id, count(*)::int as submitted, count(s.percentage)::int as marked,
             avg(s.percentage) as average,
             -- without a due date there is no margin; least() would take 14 for it
             (avg(greatest(-14, least(14, d.due_day - (${day}::date - s.days_ago))) / 14.0)
               filter (where d.due_day is not null))::float8 as margin
        from submissions s left join due_dates d on d.activity_id = s.activity_id and d.course_id = s.course_id
       group by s.course_id, s.student_id
    ),
    due_work as (
      select m.course_id, m.student_id, count(*)::int as due, (count(*) filter (where s.student_id is null))::int as missed,
             (array_agg(s.student_id is not null order by d.due_day desc, d.activity_id desc))[1] as last_due_submitted
        from members m
        join due_dates d on d.course_id = m.course_id and not d.is_final and d.due_at <= ${known}::timestamptz
         and (m.joined_day is null or d.due_day >= m.joined_day)
        left join submissions s
          on s.course_id = m.course_id and s.student_id = m.student_id and s.activity_id = d.activity_id
        left join exempt x on x.student_id = m.student_id and x.activity_id = d.activity_id
       where x.student_id is null
       group by m.course_id, m.student_id
    ),
    marks as (
      select course_id, student_id, activity_id, days_ago, count(*) over exam as n_marked,
             (rank() over (partition by course_id, activity_id order by percentage)
               + (count(*) over (partition by course_id, activity_id, percentage) - 1) / 2.0 - 0.5)
               / count(*) over exam as pct
        from submissions where percentage is not null
      window exam as (partition by course_id, activity_id)
    ),
    recent_marks as (
      select course_id, student_id, pct,
             row_number() over (partition by course_id, student_id order by days_ago, activity_id desc) as position
        from marks where n_marked >= 10
    ),
    scores as (
      select course_id, student_id, avg(pct)::float8 as p_score from recent_marks where position <= 3
       group by course_id, student_id
    ),
    raw as (
      select m.course_id, m.student_id, m.n_cohort, a.idle_days, ${day}::date - m.joined_day as here_days,
             coalesce(a.active_days, 0) as active_days, coalesce(a.contents, 0) as contents,
             coalesce(h.submitted, 0) as submitted, coalesce(h.marked, 0) as marked, h.average,
             coalesce(h.margin, 0) as margin, coalesce(w.due, 0) as due, coalesce(w.missed, 0) as missed,
             w.last_due_submitted, coalesce(s.p_score, 0.5) as p_score
        from members m
        left join activity a on a.course_id = m.course_id and a.student_id = m.student_id
        left join handed_in h on h.course_id = m.course_id and h.student_id = m.student_id
        left join due_work w on w.course_id = m.course_id and w.student_id = m.student_id
        left join scores s on s.course_id = m.course_id and s.student_id = m.student_id
    )
    select course_id, student_id, n_cohort,
           course_id in (select d.course_id from due_dates d) as has_due_dates,
           ln(1 + greatest(0, least(28, coalesce(idle_days, here_days, 28)))::float8) / ln(2::float8) as idle,
           ((rank() over (partition by course_id order by active_days)
             + (count(*) over (partition by course_id, active_days) - 1) / 2.0 - 0.5) / n_cohort)::float8 as p_active,
           ((rank() over (partition by course_id order by contents)
             + (count(*) over (partition by course_id, contents) - 1) / 2.0 - 0.5) / n_cohort)::float8 as p_breadth,
           case when due = 0 then 0 else missed::float8 / due end as miss_rate,
           ((rank() over (partition by course_id order by submitted)
             + (count(*) over (partition by course_id, submitted) - 1) / 2.0 - 0.5) / n_cohort)::float8 as p_sub,
           p_score::float8 as p_score, margin::float8 as margin,
           idle_days, active_days, contents, submitted, due, missed, marked, average::float8 as average, last_due_submitted
      from raw order by course_id, student_id`;
