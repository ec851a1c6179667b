import { z } from "zod";
import { int8, neverNull, text, timestamptz } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const FirstEventRow = z.object({ first_at: timestamptz.nullable() });
export type FirstEventRow = z.infer<typeof FirstEventRow>;

export const firstEvent = (sql: Queryable, source: string) =>
  sql<FirstEventRow[]>`
    select min(timestamp) as first_at from lmsmon.lms_activity_events where source = ${source}`;

export const CourseRow = z.object({
  course_id: neverNull(int8),
  /** What the LMS calls it: differs from the id where its keys are texts. */
  course_key: neverNull(text),
  title: text.nullable(),
});
export type CourseRow = z.infer<typeof CourseRow>;

/** Every course that an event is of, by its latest name. */
export const courses = (sql: Queryable, source: string) =>
  sql<CourseRow[]>`
    select course_id, lmsmon.lms_key(course_id) as course_key,
           (array_agg(course order by event_id desc) filter (where course is not null))[1] as title
      from lmsmon.lms_activity_events where source = ${source} and course_id is not null
     group by course_id order by course_id`;

/** Courses that some of these students have an event of, or are enrolled in. */
export const coursesOfStudents = (sql: Queryable, source: string, students: readonly string[]) =>
  sql<CourseIdRow[]>`
    select course_id from lmsmon.lms_activity_events
     where source = ${source} and course_id is not null and student_id = any(${students as string[]}::bigint[])
    union
    select scope_id from lmsmon.enrolments
     where source = ${source} and scope = 'course' and replaced_at is null and student_id = any(${students as string[]}::bigint[])`;

export const CourseIdRow = z.object({ course_id: neverNull(int8) });
export type CourseIdRow = z.infer<typeof CourseIdRow>;

export const MentorStudentRow = z.object({ student_id: int8 });
export type MentorStudentRow = z.infer<typeof MentorStudentRow>;

/** Students of a mentor, as the LMS had it last. */
export const studentsOfMentor = (sql: Queryable, source: string, mentor: string) =>
  sql<MentorStudentRow[]>`
    select student_id from lmsmon.mentor_links where source = ${source} and ${mentor}::bigint = any(mentor_ids)`;

export const MentorOfRow = z.object({ student_id: int8, mentor_id: neverNull(int8) });
export type MentorOfRow = z.infer<typeof MentorOfRow>;

/** Every student with each of the mentors, as the LMS had it last. */
export const mentorsOfStudents = (sql: Queryable, source: string) =>
  sql<MentorOfRow[]>`
    select l.student_id, m.id as mentor_id from lmsmon.mentor_links l cross join lateral unnest(l.mentor_ids) as m (id)
     where l.source = ${source} order by m.id, l.student_id`;

export const NamedRow = z.object({ id: int8, username: text.nullable(), name: text.nullable() });
export type NamedRow = z.infer<typeof NamedRow>;

export const namesOfPeople = (sql: Queryable, source: string, role: string, ids: readonly string[]) =>
  sql<NamedRow[]>`
    select id, username, name from lmsmon.people
     where source = ${source} and role = ${role} and id = any(${ids as string[]}::bigint[])`;

export const LeftRow = z.object({ student_id: int8, course_id: int8.nullable(), left_at: neverNull(timestamptz) });
export type LeftRow = z.infer<typeof LeftRow>;

/**
 * When students left a course, or all of it (course_id null, where the LMS enrols nobody in courses): the LMS's time, or when they were
 * first seen inactive, or when their enrolment was gone. An end after `now` is still to come; who moved to another batch stays.
 */
export const leavers = (sql: Queryable, source: string, now: string) =>
  sql<LeftRow[]>`
    with newest as (
      select distinct on (student_id, scope, scope_id) student_id, case when scope = 'course' then scope_id end as course_id,
             case when not active or left_at <= least(replaced_at, ${now}::timestamptz) then coalesce(left_at, seen_at)
                  else replaced_at end as left_at
        from lmsmon.enrolments where source = ${source}
       order by student_id, scope, scope_id, seen_at desc)
    select student_id, course_id, max(left_at) as left_at
      from newest group by student_id, course_id having bool_and(left_at is not null)`;
