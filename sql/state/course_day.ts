import type { Queryable } from "./queryable.ts";
import { zoneWord } from "./zone_word.ts";

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
 * Common table expressions of what was known of a day: `events`, `members` of the courses, `due_dates`, `submissions`, `due_work` and
 * `marks`. Lists of a student in a course are put together by adding them up (`union all`, `group by`), not by joins: a plan knows nothing
 * of how long they are, takes them for a row or two, and compares each with each. An event counts when it occurred and was detected by then, or belongs to first contact's history; versions of dates and
 * memberships likewise. Ranks are within the course's members of that day; the rank of equals is their average.
 *
 * Members: those enrolled in the course where the LMS says so; else the active students of a batch of which three in ten have activity in
 * the course, and active students with an event in it. A state without any enrolment takes everybody with an event.
 */
export function courseDay(
  sql: Queryable,
  { source, until, seen, day, timezone, course, half = null }: CourseDay,
) {
  const zone = zoneWord(timezone);
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
             ${day}::date - (e.at at time zone ${zone}::text)::date as days_ago, e.percentage
        from (
          select course_id, student_id, kind, activity_id, event_id,
                 -- a content that was first seen finished was started before; a start later than its finish is a clock's
                 case when kind = 'content' and stage = 'finished'
                      then least(timestamp, (activity_metadata ->> 'started_at')::timestamptz) else timestamp end as at,
                 case when kind <> 'content' then (activity_metadata ->> 'percentage')::float8 end as percentage
            from lmsmon.lms_activity_events
           where source = ${source} and (kind = 'content' or stage = 'finished')
             and (created_at <= ${seen}::timestamptz or origin = 'backfill')
             and course_id is not null and student_id is not null and activity_id is not null
             ${inCourse("course_id")}) e
       where e.at <= ${until}::timestamptz
    ),
    versions as materialized (
      select student_id, scope, scope_id, joined_at as said_at,
             coalesce(joined_at, case when history then null else seen_at end) as joined_at,
             active and (joined_at is null or joined_at <= ${until}::timestamptz)
               and (left_at is null or left_at > ${until}::timestamptz) as active,
             replaced_at is null or replaced_at > ${seen}::timestamptz as is_valid
        from lmsmon.enrolments
       where source = ${source} and (seen_at <= ${seen}::timestamptz or history)
    ),
    -- joined: null says before lmsmon looked, which is earlier than any time. A batch that a student was moved out of counts for the
    -- joining: whoever goes from one batch of a course to another has not joined it anew, and what was missed stays missed. Where the
    -- LMS itself says when a course was joined, what it says now holds: of whoever left and is back, or was entered wrongly at first.
    -- Which courses a batch is of is said by who is in it, and of one that was given up by who was
    belongs as materialized (
      select student_id, scope, scope_id, joined_at, is_now,
             is_now or not bool_or(is_now) over (partition by scope, scope_id) as speaks
        from (
          select student_id, scope, scope_id, bool_or(is_valid and active) as is_now,
                 coalesce(min(said_at) filter (where scope = 'course' and is_valid),
                   case when bool_or(joined_at is null) then null else min(joined_at) end) as joined_at
            from versions group by student_id, scope, scope_id
          having bool_or(is_valid and active) or (scope = 'batch' and bool_or(active))) v
    ),
    in_course as materialized (
      select course_id, student_id from events group by course_id, student_id
    ),
    sizes as (
      select scope_id, count(*) as size from belongs where scope = 'batch' and speaks group by scope_id
    ),
    by_student as materialized (
      select student_id, array_agg(scope_id) filter (where scope = 'batch' and speaks) as batches,
             array_agg(course_id) filter (where course_id is not null) as courses,
             bool_or(scope = 'site') as is_on_site, min(joined_at) filter (where scope = 'site') as site_joined_at
        from (
          select student_id, scope, scope_id, joined_at, speaks, null::bigint as course_id from belongs
          union all select student_id, null, null, null, null, course_id from in_course) s
       group by student_id
    ),
    batch_courses as (
      select p.scope_id, p.course_id
        from (select batch as scope_id, course_id, count(*) as present
                from by_student, unnest(batches) as batch, unnest(courses) as course_id group by batch, course_id) p
        join sizes s on s.scope_id = p.scope_id and p.present >= 0.3 * s.size
    ),
    by_batch as (
      select array_agg(course_id) filter (where course_id is not null) as courses,
             array_agg(student_id) filter (where student_id is not null) as students,
             array_agg(joined_at) filter (where student_id is not null) as joins,
             array_agg(is_now) filter (where student_id is not null) as nows
        from (
          select scope_id, student_id, joined_at, is_now, null::bigint as course_id from belongs where scope = 'batch'
          union all select scope_id, null, null, null, course_id from batch_courses) g
       group by scope_id
    ),
    candidates as (
      select b.scope_id as course_id, b.student_id, b.joined_at, 1 as place, true as is_now from belongs b
       where b.scope = 'course' ${inCourse("scope_id")}
      union all
      select c.course_id, s.student_id, s.joined_at, 1, s.is_now
        from by_batch, unnest(courses) as c (course_id), unnest(students, joins, nows) as s (student_id, joined_at, is_now)
       where not exists (select from versions where scope = 'course')
      union all
      select c.course_id, student_id, site_joined_at, 2, true from by_student, unnest(courses) as c (course_id)
       where is_on_site and not exists (select from versions where scope = 'course')
      union all
      select course_id, student_id, null, 3, true from in_course where not exists (select from versions)
    ),
    members as materialized (
      select course_id, student_id, joined_day, (count(*) over (partition by course_id))::int as n_cohort
        from (
          select course_id, student_id,
                 ((array_agg(joined_at order by place, joined_at nulls first))[1] at time zone ${zone}::text)::date as joined_day
            from candidates group by course_id, student_id having bool_or(is_now)) m
    ),
    due_dates as materialized (
      select kind, activity_id, course_id, due_at, (due_at at time zone ${zone}::text)::date as due_day, is_final
        from lmsmon.activities
       where source = ${source} and kind <> 'content' and (seen_at <= ${seen}::timestamptz or history)
         and (replaced_at is null or replaced_at > ${seen}::timestamptz) and due_at is not null
         and course_id is not null
    ),
    exempt as materialized (
      select distinct student_id, kind, activity_id from lmsmon.exemptions
       where source = ${source} and kind <> 'content' and (seen_at <= ${seen}::timestamptz or history)
         and (replaced_at is null or replaced_at > ${seen}::timestamptz)
    ),
    -- work once a student, whatever the number of attempts: handed in with the first, marked by the last with a mark; an exam and an
    -- assignment may have the same id
    submissions as materialized (
      select e.course_id, e.student_id, e.kind, e.activity_id, max(e.days_ago) as days_ago,
             (array_agg(e.percentage order by e.at desc, e.event_id desc) filter (where e.percentage is not null))[1]
               as percentage,
             (array_agg(e.event_id order by e.at desc, e.event_id desc) filter (where e.percentage is not null))[1]
               as mark_event_id
        from events e
       -- "is true" keeps it a look into a table of hashes, and no join
       where e.kind <> 'content' and ((e.course_id, e.student_id) in (select m.course_id, m.student_id from members m)) is true
       group by e.course_id, e.student_id, e.kind, e.activity_id
    ),
    -- whose events retention took: that the work was handed in is what the row states still know, and it is not missing. Where nothing
    -- was ever taken they are not looked at
    taken as (
      select t.kind, r.student_id, r.activity_id
        from lmsmon.row_states r join lmsmon.streams t on t.stream_id = r.stream_id
       where t.source = ${source} and t.kind <> 'content' and r.stage = 2 and r.student_id is not null and r.activity_id is not null
         and r.last_event_id is not null
         and exists (select from lmsmon.facts where source = ${source} and name = 'retention')
         and not exists (select from lmsmon.lms_activity_events e where e.event_id = r.last_event_id)
    ),
    -- handed in while the work was in another course, or in two: moving it makes nobody late. Two looks into tables of hashes, no join
    elsewhere as (
      select e.student_id, e.kind, e.activity_id from lmsmon.lms_activity_events e
       where e.source = ${source} and e.kind <> 'content' and e.stage = 'finished' and e.student_id is not null
         and (e.created_at <= ${seen}::timestamptz or e.origin = 'backfill') and e.timestamp <= ${until}::timestamptz
         and ((e.kind, e.activity_id) in (select d.kind, d.activity_id from due_dates d)) is true
         and ((e.kind, e.activity_id, e.course_id) in (select d.kind, d.activity_id, d.course_id from due_dates d)) is not true
       group by e.student_id, e.kind, e.activity_id
    ),
    -- due by then, of each member: not exempt, not the final exam; what was due before joining counts for nothing, and is told apart from
    -- what is not due at all: who joins anew has not handed in what was found missing
    due_work as (
      select course_id, student_id, kind, activity_id, max(due_at) as due_at, max(due_day) as due_day,
             bool_or(is_handed_in) as is_handed_in,
             bool_or(is_earlier) as is_earlier
        from (
          select m.course_id, m.student_id, d.kind, d.activity_id, d.due_at, d.due_day, false as is_handed_in, false as is_exempt,
                 coalesce(d.due_day < m.joined_day, false) as is_earlier
            from members m
            join due_dates d on d.course_id = m.course_id and not d.is_final and d.due_at <= ${until}::timestamptz
          union all select course_id, student_id, kind, activity_id, null, null, true, false, false from submissions
          union all
          select d.course_id, r.student_id, r.kind, r.activity_id, null, null, true, false, false
            from (select * from taken union all select kind, student_id, activity_id from elsewhere) r
            join due_dates d on d.kind = r.kind and d.activity_id = r.activity_id
          union all
          select d.course_id, x.student_id, x.kind, x.activity_id, null, null, false, true, false
            from exempt x join due_dates d on d.kind = x.kind and d.activity_id = x.activity_id) w
       group by course_id, student_id, kind, activity_id having max(due_day) is not null and not bool_or(is_exempt)
    ),
    marks as (
      select course_id, student_id, kind, activity_id, mark_event_id, days_ago, count(*) over work as n_marked,
             (rank() over (partition by course_id, kind, activity_id order by percentage)
               + (count(*) over (partition by course_id, kind, activity_id, percentage) - 1) / 2.0 - 0.5)
               / count(*) over work as pct
        from submissions where percentage is not null
      window work as (partition by course_id, kind, activity_id)
    )`;
}
