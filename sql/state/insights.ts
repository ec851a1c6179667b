import { z } from "zod";
import { bool, float8, int4, int8, neverNull } from "./columns.ts";
import { type CourseDay, courseDay } from "./course_day.ts";
import type { Queryable } from "./queryable.ts";

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

/** Where each student stands in each course on a day: see courseDay for what was known of it, and who its members are. */
export function standings(sql: Queryable, asked: CourseDay) {
  const { until, day } = asked;
  return sql<StandingRow[]>`
    with ${courseDay(sql, asked)},
    activity as materialized (
      select course_id, student_id, min(days_ago) as idle_days,
             (count(distinct days_ago) filter (where days_ago < 28))::int as active_days,
             (count(distinct activity_id) filter (where kind = 'content'))::int as contents
        from events group by course_id, student_id
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
        join due_dates d on d.course_id = m.course_id and not d.is_final and d.due_at <= ${until}::timestamptz
         and (m.joined_day is null or d.due_day >= m.joined_day)
        left join submissions s
          on s.course_id = m.course_id and s.student_id = m.student_id and s.activity_id = d.activity_id
        left join exempt x on x.student_id = m.student_id and x.activity_id = d.activity_id
       where x.student_id is null
       group by m.course_id, m.student_id
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
}
