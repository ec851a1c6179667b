import { z } from "zod";
import { int8, neverNull, text, timestamptz } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const FirstEventRow = z.object({ first_at: timestamptz.nullable() });
export type FirstEventRow = z.infer<typeof FirstEventRow>;

export const firstEvent = (sql: Queryable, source: string) =>
  sql<FirstEventRow[]>`
    select min(timestamp) as first_at from lmsmon.lms_activity_events where source = ${source}`;

export const CourseRow = z.object({ course_id: neverNull(int8), title: text.nullable() });
export type CourseRow = z.infer<typeof CourseRow>;

/** Every course that an event is of, by its latest name. */
export const courses = (sql: Queryable, source: string) =>
  sql<CourseRow[]>`
    select course_id, (array_agg(course order by event_id desc) filter (where course is not null))[1] as title
      from lmsmon.lms_activity_events where source = ${source} and course_id is not null
     group by course_id order by course_id`;

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

export const LeftRow = z.object({ student_id: int8, left_at: neverNull(timestamptz) });
export type LeftRow = z.infer<typeof LeftRow>;

/** When students left: the LMS's time, or when they were first seen inactive. An end after `now` is still to come. */
export const leavers = (sql: Queryable, source: string, now: string) =>
  sql<LeftRow[]>`
    select student_id, max(coalesce(left_at, seen_at)) as left_at from lmsmon.enrolments
     where source = ${source} and replaced_at is null and (not active or left_at <= ${now}::timestamptz) group by student_id`;
