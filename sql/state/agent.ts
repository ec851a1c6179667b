import { z } from "zod";
import { bool, int4, int8, neverNull, text, timestamptz } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const StatementLimitRow = z.object({ timeout: text.nullable() });
export type StatementLimitRow = z.infer<typeof StatementLimitRow>;

/** No statement of this transaction runs longer. */
export const limitStatements = (sql: Queryable, ms: number) =>
  sql<StatementLimitRow[]>`select set_config('statement_timeout', ${String(ms)}, true) as timeout`;

export const FoundStudentRow = z.object({
  id: neverNull(int8),
  username: text.nullable(),
  name: text.nullable(),
  active: neverNull(bool),
  pseudonym: neverNull(text),
  found: neverNull(int4),
  events: neverNull(int4),
  last_at: timestamptz.nullable(),
});
export type FoundStudentRow = z.infer<typeof FoundStudentRow>;

export interface StudentSearch {
  /** Only these may be seen; `null`: all. */
  readonly students: readonly string[] | null;
  /** How a pseudonym begins, escaped for LIKE; `null`: any. */
  readonly start: string | null;
  /** Whether ids, usernames and names are looked at, too. */
  readonly identified: boolean;
  readonly course: string | null;
  /** Pseudonyms behind this one. */
  readonly after: string | null;
  readonly limit: number;
}

/** Students by what they are called, also those of whom only the enrolment is known, with how many there are and when each was last active. */
export const findStudents = (
  sql: Queryable,
  source: string,
  { students, start, identified, course, after, limit }: StudentSearch,
) =>
  sql<FoundStudentRow[]>`
    with known as (
      select id, username, name, active, pseudonym from lmsmon.people where source = ${source} and role = 'student'
      union all
      select n.student_id, null, null, bool_or(n.active), lmsmon.pseudonym('student', ${source}, n.student_id)
        from lmsmon.enrolments n
       where n.source = ${source} and n.replaced_at is null
         and not exists (select from lmsmon.people p where p.source = n.source and p.role = 'student' and p.id = n.student_id)
       group by n.student_id),
    found as (
      select p.id, p.username, p.name, p.active, p.pseudonym from known p
       where (${students as string[] | null}::bigint[] is null or p.id = any(${students as string[] | null}::bigint[]))
         and (${start}::text is null or p.pseudonym like ${start}::text || '%'
           or (${identified}::boolean and ((p.id < 4611686018427387904 and p.id::text like ${start}::text || '%')
             or p.id in (select k.id from lmsmon.lms_keys k where k.sort = 'student' and k.key ilike ${start}::text || '%')
             or p.username ilike ${start}::text || '%'
             or p.name ilike '%' || ${start}::text || '%')))
         and (${course}::bigint is null
           or exists (select from lmsmon.lms_activity_events e
                where e.student_id = p.id and e.source = ${source} and e.course_id = ${course}::bigint)
           or exists (select from lmsmon.enrolments n
                where n.student_id = p.id and n.source = ${source} and n.scope = 'course' and n.scope_id = ${course}::bigint
                  and n.replaced_at is null))),
    page as (select * from found where ${after}::text is null or pseudonym > ${after}::text order by pseudonym limit ${limit}::int)
    select p.id, p.username, p.name, p.active, p.pseudonym, (select count(*) from found)::int as found,
           coalesce(a.events, 0) as events, a.last_at
      from page p
      left join lateral (select count(*)::int as events, max(e.timestamp) as last_at from lmsmon.lms_activity_events e
                          where e.student_id = p.id and e.source = ${source}) a on true
     order by p.pseudonym`;

export const StudentIdRow = z.object({ id: neverNull(int8) });
export type StudentIdRow = z.infer<typeof StudentIdRow>;

/** Every student that anything is stored of. */
export const allStudents = (sql: Queryable, source: string) =>
  sql<StudentIdRow[]>`
    select id from lmsmon.people where source = ${source} and role = 'student'
    union select student_id from lmsmon.enrolments where source = ${source}
    union select student_id from lmsmon.lms_activity_events where source = ${source} and student_id is not null`;

export const StudentsCardRow = z.object({
  kind: text,
  events: neverNull(int4),
  oldest: timestamptz.nullable(),
  newest: timestamptz.nullable(),
});
export type StudentsCardRow = z.infer<typeof StudentsCardRow>;

/** What is stored of some students, by kind. */
export const studentsCard = (sql: Queryable, source: string, students: readonly string[]) =>
  sql<StudentsCardRow[]>`
    select kind, count(*)::int as events, min(timestamp) as oldest, max(timestamp) as newest
      from lmsmon.lms_activity_events
     where source = ${source} and student_id = any(${students as string[]}::bigint[])
     group by kind order by kind`;
