import type { Queryable } from "./queryable.ts";

/** One day of one source, in one course or in all. */
export interface CourseDay {
  readonly source: string;
  /** ISO time: what occurred until then. */
  readonly until: string;
  /** ISO time: what was detected until then; of history it is always known. */
  readonly seen: string;
  /** ISO date of the day in `timezone`. */
  readonly day: string;
  readonly timezone: string;
  readonly course: string | null;
  /** Only every second course: the even ids (0) or the odd ones (1); all when left out. */
  readonly half?: 0 | 1 | null;
}

/**
 * Common table expressions of what was known of a day: `events`, `members` of the courses, `due_dates`, `exempt`, `submissions` and
 * `marks`. An event counts when it occurred and was detected by then, or belongs to first contact's history; versions of dates and
 * memberships likewise. Ranks are within the course's members of that day; the rank of equals is their average.
 *
 * Members: those enrolled in the course where the LMS says so; else the active students of a batch of which three in ten have activity in
 * the course, and active students with an event in it. A state without any enrolment takes everybody with an event.
 */
export function courseDay(
  sql: Queryable,
  { source, until, seen, day, timezone, course, half = null }: CourseDay,
) {
  // Only what is asked for stands in the statement: "$1 is null or …" looks to a plan for any value (the sixth time on a connection) like
  // a two hundredth of the rows, and then it compares each with each: minutes instead of seconds (seen with 8,000 students). So does "= half".
  const inCourse = (column: "course_id" | "scope_id") =>
    course !== null
      ? sql`and ${sql(column)} = ${course}::bigint`
      : half !== null
      ? sql`and ${sql(column)} & 1 <> ${1 - half}::bigint`
      : sql``;
  return sql`
    events as materialized (
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
             and (created_at <= ${seen}::timestamptz or origin = 'backfill')
             and course_id is not null and student_id is not null and activity_id is not null
             ${inCourse("course_id")}) e
       where e.at <= ${until}::timestamptz
    ),
    versions as materialized (
      select student_id, scope, scope_id, coalesce(joined_at, case when history then null else seen_at end) as joined_at,
             active and (joined_at is null or joined_at <= ${until}::timestamptz)
               and (left_at is null or left_at > ${until}::timestamptz) as active,
             replaced_at is null or replaced_at > ${seen}::timestamptz as is_valid
        from lmsmon.enrolments
       where source = ${source} and (seen_at <= ${seen}::timestamptz or history)
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
       where b.scope = 'course' ${inCourse("scope_id")}
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
       where source = ${source} and kind = 'exam' and (seen_at <= ${seen}::timestamptz or history)
         and (replaced_at is null or replaced_at > ${seen}::timestamptz) and due_at is not null
         and course_id is not null
    ),
    exempt as materialized (
      select distinct student_id, activity_id from lmsmon.exemptions
       where source = ${source} and kind = 'exam' and (seen_at <= ${seen}::timestamptz or history)
         and (replaced_at is null or replaced_at > ${seen}::timestamptz)
    ),
    -- an exam once a student, whatever the number of attempts: handed in with the first, marked by the last with a mark
    submissions as materialized (
      select e.course_id, e.student_id, e.activity_id, max(e.days_ago) as days_ago,
             (array_agg(e.percentage order by e.at desc, e.event_id desc) filter (where e.percentage is not null))[1]
               as percentage,
             (array_agg(e.event_id order by e.at desc, e.event_id desc) filter (where e.percentage is not null))[1]
               as mark_event_id
        from events e join members m on m.course_id = e.course_id and m.student_id = e.student_id
       where e.kind = 'exam' group by e.course_id, e.student_id, e.activity_id
    ),
    marks as (
      select course_id, student_id, activity_id, mark_event_id, days_ago, count(*) over exam as n_marked,
             (rank() over (partition by course_id, activity_id order by percentage)
               + (count(*) over (partition by course_id, activity_id, percentage) - 1) / 2.0 - 0.5)
               / count(*) over exam as pct
        from submissions where percentage is not null
      window exam as (partition by course_id, activity_id)
    )`;
}
