import { z } from "zod";
import { bool, float8, int4, int8, neverNull } from "./columns.ts";
import { type CourseDay, courseDay } from "./course_day.ts";
import type { Queryable } from "./queryable.ts";

/** One student in one course: the seven values of the score, and what words are made of. */
export const StandingRow = z.object({
  course_id: neverNull(int8),
  student_id: neverNull(int8),
  n_cohort: neverNull(int4),
  /** The course has an exam or an assignment with a due date. */
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
  /** Of these those that margin is made of. */
  timed: neverNull(int4),
  due: neverNull(int4),
  missed: neverNull(int4),
  marked: neverNull(int4),
  /** Of the marks those that p_score is made of; none: it is 0.5 for everybody of whom that is so. */
  ranked: neverNull(int4),
  average: float8.nullable(),
  /** Null: nothing was due yet. */
  last_due_submitted: bool.nullable(),
});
export type StandingRow = z.infer<typeof StandingRow>;

/** Where each student stands in each course on a day: see courseDay for what was known of it, and who its members are. */
export function standings(sql: Queryable, asked: CourseDay) {
  const { day } = asked;
  return sql<StandingRow[]>`
    with ${courseDay(sql, asked)},
    activity as materialized (
      select course_id, student_id, min(days_ago) as idle_days,
             (count(distinct days_ago) filter (where days_ago < 28))::int as active_days,
             (count(distinct activity_id) filter (where kind = 'content'))::int as contents
        from events group by course_id, student_id
    ),
    handed_in as (
      select course_id, student_id, count(*)::int as submitted, count(percentage)::int as marked,
             avg(percentage) as average, avg(lead)::float8 as margin, count(lead)::int as timed
        from (
          select s.course_id, s.student_id, s.percentage,
                 -- without a due date there is no margin; least() would take 14 for it. Whoever is exempt is neither early nor late;
                 -- "is true" keeps it a look into a table of hashes, and no join
                 case when d.due_day is not null
                   and ((s.student_id, s.kind, s.activity_id) in (select x.student_id, x.kind, x.activity_id from exempt x))
                     is not true
                   then greatest(-14, least(14, d.due_day - (${day}::date - s.days_ago))) / 14.0 end as lead
            from submissions s
            left join due_dates d on d.kind = s.kind and d.activity_id = s.activity_id and d.course_id = s.course_id) s
       group by course_id, student_id
    ),
    due_counts as (
      select course_id, student_id, count(*)::int as due, (count(*) filter (where not is_handed_in))::int as missed,
             (array_agg(is_handed_in order by due_day desc, activity_id desc, kind))[1] as last_due_submitted
        from due_work where not is_earlier group by course_id, student_id
    ),
    recent_marks as (
      select course_id, student_id, pct,
             row_number() over (partition by course_id, student_id order by days_ago, activity_id desc, kind) as position
        from marks where n_marked >= 10
    ),
    scores as (
      select course_id, student_id, avg(pct)::float8 as p_score, count(*)::int as ranked from recent_marks where position <= 3
       group by course_id, student_id
    ),
    raw as (
      select course_id, student_id, max(n_cohort) as n_cohort, max(here_days) as here_days, max(idle_days) as idle_days,
             coalesce(max(active_days), 0) as active_days, coalesce(max(contents), 0) as contents,
             coalesce(max(submitted), 0) as submitted, coalesce(max(marked), 0) as marked, max(average) as average,
             coalesce(max(margin), 0) as margin, coalesce(max(due), 0) as due, coalesce(max(missed), 0) as missed,
             bool_or(last_due_submitted) as last_due_submitted, coalesce(max(p_score), 0.5) as p_score,
             coalesce(max(ranked), 0) as ranked, coalesce(max(timed), 0) as timed
        from (
          select course_id, student_id, n_cohort, ${day}::date - joined_day as here_days, null::int as idle_days,
                 null::int as active_days, null::int as contents, null::int as submitted, null::int as marked,
                 null::float8 as average, null::float8 as margin, null::int as due, null::int as missed,
                 null::boolean as last_due_submitted, null::float8 as p_score, null::int as ranked,
                 null::int as timed from members
          union all
          select course_id, student_id, null, null, idle_days, active_days, contents, null, null, null, null, null, null, null,
                 null, null, null from activity
          union all
          select course_id, student_id, null, null, null, null, null, submitted, marked, average, margin, null, null, null,
                 null, null, timed from handed_in
          union all
          select course_id, student_id, null, null, null, null, null, null, null, null, null, due, missed,
                 last_due_submitted, null, null, null from due_counts
          union all
          select course_id, student_id, null, null, null, null, null, null, null, null, null, null, null, null, p_score,
                 ranked, null from scores) r
       group by course_id, student_id having max(n_cohort) is not null
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
           idle_days, active_days, contents, submitted, timed, due, missed, marked, ranked, average::float8 as average, last_due_submitted
      from raw order by course_id, student_id`;
}
