import { z } from "zod";
import { float8, int4, int8, neverNull } from "./columns.ts";
import { type CourseDay, courseDay } from "./course_day.ts";
import type { Queryable } from "./queryable.ts";

/** A week of a course, or of one student in it: there `members` is 1, and the three of each value are one number. */
export const WeekNumbersRow = z.object({
  course_id: neverNull(int8),
  /** Null: the course, by its members. */
  student_id: int8.nullable(),
  /** 0: the week, from Monday on, that the day is in. */
  weeks_ago: neverNull(int4),
  /** Who was in the course by the week's end. */
  members: neverNull(int4),
  /** Days with activity: a quarter of the members had at most so many, half of them, three quarters. */
  days_low: neverNull(float8),
  days: neverNull(float8),
  days_high: neverNull(float8),
  days_most: neverNull(int4),
  /** Members with a mark of an exam handed in that week. */
  marked: neverNull(int4),
  /** Percent: the same of each one's average mark of the week. */
  marks_low: float8.nullable(),
  marks: float8.nullable(),
  marks_high: float8.nullable(),
});
export type WeekNumbersRow = z.infer<typeof WeekNumbersRow>;

export interface WeekNumbersAsked extends CourseDay {
  /** So many weeks, that of the day included. */
  readonly weeks: number;
  readonly courses: readonly string[];
  /** Whose own weeks are wanted. */
  readonly students: readonly string[];
}

/** Activity and marks by week, of courses and of some of their students, by what was known on the day (courseDay). */
export function weekNumbers(sql: Queryable, asked: WeekNumbersAsked) {
  const { day, weeks, courses, students } = asked;
  return sql<WeekNumbersRow[]>`
    with ${courseDay(sql, asked)},
    weeks as (
      select w as weeks_ago, date_trunc('week', ${day}::date)::date - 7 * w as monday
        from generate_series(0, ${weeks}::int - 1) as w
    ),
    worked as (
      select course_id, student_id, weeks_ago, count(distinct days_ago)::int as days
        from (select e.course_id, e.student_id, e.days_ago,
                     -- whole weeks back from the Sunday of the week that the day is in
                     (e.days_ago + 7 - extract(isodow from ${day}::date)::int) / 7 as weeks_ago from events e) e
       group by course_id, student_id, weeks_ago
    ),
    tested as (
      select course_id, student_id, weeks_ago, avg(percentage)::float8 as mark
        from (select s.course_id, s.student_id, s.percentage,
                     (s.days_ago + 7 - extract(isodow from ${day}::date)::int) / 7 as weeks_ago
                from submissions s where s.percentage is not null) s
       group by course_id, student_id, weeks_ago
    ),
    -- a sum of three lists, not a join: a plan takes these for a few rows each, and would compare each with each
    weekly as materialized (
      select course_id, student_id, weeks_ago, max(days) as days, max(mark) as mark
        from (
          select m.course_id, m.student_id, w.weeks_ago, 0 as days, null::float8 as mark, true as is_member
            from members m
            join weeks w on m.joined_day is null or m.joined_day <= w.monday + 6
           where m.course_id = any(${courses as string[]}::bigint[])
          union all select course_id, student_id, weeks_ago, days, null, false from worked
          union all select course_id, student_id, weeks_ago, 0, mark, false from tested) w
       group by course_id, student_id, weeks_ago having bool_or(is_member)
    ),
    quarters as (
      select course_id, weeks_ago, count(*)::int as members, max(days)::int as days_most, count(mark)::int as marked,
             percentile_cont(array[0.25, 0.5, 0.75]) within group (order by days) as days,
             percentile_cont(array[0.25, 0.5, 0.75]) within group (order by mark) as marks
        from weekly group by course_id, weeks_ago
    )
    select course_id, null::bigint as student_id, weeks_ago, members, days[1] as days_low, days[2] as days,
           days[3] as days_high, days_most, marked, marks[1] as marks_low, marks[2] as marks, marks[3] as marks_high
      from quarters
    union all
    select course_id, student_id, weeks_ago, 1, days, days, days, days, (mark is not null)::int, mark, mark, mark
      from weekly where student_id = any(${students as string[]}::bigint[])
     order by course_id, student_id nulls first, weeks_ago`;
}
