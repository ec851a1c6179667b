import { z } from "zod";
import { int8, neverNull, text } from "./columns.ts";
import { isErased } from "./is_erased.ts";
import type { Queryable } from "./queryable.ts";

export interface PeopleColumns {
  readonly roles: string;
  readonly ids: string;
  readonly usernames: string;
  readonly emails: string;
  readonly names: string;
  readonly actives: string;
  /** Text form of bigint[] values, as a text[] literal: arrays of arrays would be one flat array. */
  readonly batchIds: string;
}

/** Writes only what differs, in one order, so that two writers cannot wait for each other. */
export const upsertPeople = (sql: Queryable, source: string, people: PeopleColumns) =>
  sql`
    insert into lmsmon.people as old (source, role, id, username, email, name, active, batch_ids, updated_at)
    select ${source}::text, u.role, u.id, u.username, u.email, u.name, u.active, u.batch_ids::bigint[], clock_timestamp()
      from unnest(${people.roles}::text[], ${people.ids}::bigint[], ${people.usernames}::text[], ${people.emails}::text[],
        ${people.names}::text[], ${people.actives}::boolean[], ${people.batchIds}::text[])
        as u (role, id, username, email, name, active, batch_ids)
     where not ${isErased(sql, source, "u.role", "u.id")} and not exists (
       select 1 from lmsmon.people p where p.source = ${source} and p.role = u.role and p.id = u.id
          and (p.username, p.email, p.name, p.active, p.batch_ids)
            is not distinct from (u.username, u.email, u.name, u.active, u.batch_ids::bigint[]))
     order by u.role, u.id
    on conflict (source, role, id) do update
      set username = excluded.username, email = excluded.email, name = excluded.name, active = excluded.active,
          batch_ids = excluded.batch_ids, updated_at = excluded.updated_at`;

/** `mentorIds`: text form of bigint[] values, as a text[] literal. Nobody who was erased is a mentor of anybody. read_at moves only with the mentors. */
export const upsertLinks = (sql: Queryable, source: string, students: string, mentorIds: string) =>
  sql`
    insert into lmsmon.mentor_links as old (source, student_id, mentor_ids, read_at)
    select ${source}::text, u.student_id, u.mentor_ids::bigint[], clock_timestamp()
      from (
        select x.student_id,
               case when not exists (select from lmsmon.tombstones) then x.mentor_ids
               else array(
                 select m.id from unnest(x.mentor_ids::bigint[]) with ordinality as m (id, position)
                  where not ${isErased(sql, source, "'mentor'", "m.id")} order by m.position)::text end as mentor_ids
          from unnest(${students}::bigint[], ${mentorIds}::text[]) as x (student_id, mentor_ids)) u
     where not ${isErased(sql, source, "'student'", "u.student_id")} and not exists (
       select 1 from lmsmon.mentor_links l
        where l.source = ${source} and l.student_id = u.student_id and l.mentor_ids = u.mentor_ids::bigint[])
     order by u.student_id
    on conflict (source, student_id) do update set mentor_ids = excluded.mentor_ids, read_at = excluded.read_at
     where old.mentor_ids <> excluded.mentor_ids`;

/** `batch_ids`: bigint[] text. */
export const PersonUsernameRow = z.object({ id: int8, username: text.nullable(), batch_ids: neverNull(text) });
export type PersonUsernameRow = z.infer<typeof PersonUsernameRow>;

/** A join, not `= any(…)`: a plan for any array compares each person with each of thousands of ids (tried: 20 times slower). */
export const personUsernames = (sql: Queryable, source: string, role: string, ids: string) =>
  sql<PersonUsernameRow[]>`
    select p.id, p.username, p.batch_ids::text as batch_ids
      from unnest(${ids}::bigint[]) as u (id)
      join lmsmon.people p on p.source = ${source} and p.role = ${role} and p.id = u.id`;

export const StudentAccountRow = z.object({ person_id: int8, zulip_user_id: neverNull(int8) });
export type StudentAccountRow = z.infer<typeof StudentAccountRow>;

export const studentAccounts = (sql: Queryable, source: string, ids: string) =>
  sql<StudentAccountRow[]>`
    select l.person_id, l.zulip_user_id
      from unnest(${ids}::bigint[]) as u (id)
      join lmsmon.user_links l on l.source = ${source} and l.role = 'student' and l.person_id = u.id
     where l.zulip_user_id is not null`;

/** Adds the sets that are new (sets: text[] literal of bigint[] text) and their members. */
export const addMentorSets = (sql: Queryable, source: string, sets: string, exports: string) =>
  sql`
    with added as (
      insert into lmsmon.mentor_sets (source, mentor_ids, export_json)
      select ${source}::text, u.mentor_ids::bigint[],
             -- Ids that stand for texts are shown as what they stand for.
             case when 4611686018427387904 <= any (u.mentor_ids::bigint[]) then (
               select concat('[', string_agg(concat('{"id":', lmsmon.export_id(m.id), ',"username":null,"email":null}'), ','
                        order by m.position), ']')
                 from unnest(u.mentor_ids::bigint[]) with ordinality as m (id, position))
             else u.export_json end
        from unnest(${sets}::text[], ${exports}::text[]) with ordinality as u (mentor_ids, export_json, position)
       where not exists (select 1 from lmsmon.mentor_sets s where s.source = ${source} and s.mentor_ids = u.mentor_ids::bigint[])
       order by u.position
      on conflict (source, mentor_ids) do nothing
      returning mentor_set_id, source, mentor_ids)
    insert into lmsmon.lms_activity_event_mentors (mentor_set_id, position, source, mentor_id)
    select added.mentor_set_id, m.position, added.source, m.id
      from added, unnest(added.mentor_ids) with ordinality as m (id, position)`;

/** `mentors`: bigint[] text, as asked for. */
export const MentorSetIdRow = z.object({ mentor_set_id: int8, mentors: neverNull(text) });
export type MentorSetIdRow = z.infer<typeof MentorSetIdRow>;

export const mentorSetIds = (sql: Queryable, source: string, sets: string) =>
  sql<MentorSetIdRow[]>`
    select s.mentor_set_id, u.mentor_ids as mentors
      from unnest(${sets}::text[]) as u (mentor_ids)
      join lmsmon.mentor_sets s on s.source = ${source} and s.mentor_ids = u.mentor_ids::bigint[]`;

export const LinkedStudentRow = z.object({ student_id: int8 });
export type LinkedStudentRow = z.infer<typeof LinkedStudentRow>;

/** Students whose mentors were asked for once, in order. */
export const linkedStudents = (sql: Queryable, source: string, after: string | null, limit: number) =>
  sql<LinkedStudentRow[]>`
    select student_id from lmsmon.mentor_links
     where source = ${source} and student_id > coalesce(${after}::bigint, -9223372036854775808)
     order by student_id limit ${limit}::int`;

export const UndeliveredStudentRow = z.object({ student_id: neverNull(int8) });
export type UndeliveredStudentRow = z.infer<typeof UndeliveredStudentRow>;

/** Students with something left to tell, also what the fuse holds: their mentors are kept fresh. */
export const studentsWithUndelivered = (sql: Queryable, source: string, after: string | null, limit: number) =>
  sql<UndeliveredStudentRow[]>`
    select e.student_id
      from lmsmon.lms_event_logs l join lmsmon.lms_activity_events e on e.event_id = l.event_id
     where l.source = ${source} and l.untold
       and e.student_id > coalesce(${after}::bigint, -9223372036854775808)
    union
    select n.student_id
      from lmsmon.lms_event_logs l join lmsmon.namings n on n.letter_id = l.event_id
     where l.source = ${source} and l.untold
       and n.student_id > coalesce(${after}::bigint, -9223372036854775808)
     order by student_id limit ${limit}::int`;
