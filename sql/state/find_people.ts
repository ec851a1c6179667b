import { z } from "zod";
import { int4, int8, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

/** Whom to look among; `null`: everybody. */
export interface Among {
  readonly role: string | null;
  readonly source: string | null;
}

const isAmong = (sql: Queryable, { role, source }: Among) =>
  sql`((${role}::text is null or p.role = ${role}::text) and (${source}::text is null or p.source = ${source}::text))`;

export const NamedPersonRow = z.object({
  role: z.enum(["student", "mentor"]),
  source: text,
  id: int8,
  rank: neverNull(int4),
});
export type NamedPersonRow = z.infer<typeof NamedPersonRow>;

/** People with one of the ids, or of this pseudonym (rank 1), username (2), or username in other letters, large or small (3). */
export const peopleNamed = (sql: Queryable, among: Among, name: string, ids: readonly string[]) =>
  sql<NamedPersonRow[]>`
    select p.role, p.source, p.id,
           case when p.id = any(${ids as string[]}::bigint[]) or p.pseudonym = ${name}::text then 1
                when p.username = ${name}::text then 2 else 3 end as rank
      from lmsmon.people p
     where ${isAmong(sql, among)}
       and (p.id = any(${ids as string[]}::bigint[]) or p.pseudonym = ${name}::text or lower(p.username) = lower(${name}::text))
     order by rank, p.role, p.source, p.id`;

export const NearPersonRow = z.object({ id: neverNull(text), username: text.nullable() });
export type NearPersonRow = z.infer<typeof NearPersonRow>;

export const OwnKeyRow = z.object({ key: neverNull(text) });
export type OwnKeyRow = z.infer<typeof OwnKeyRow>;

/** The LMS's own keys of ids, in order; an array literal. */
export const ownKeys = (sql: Queryable, ids: string) =>
  sql<OwnKeyRow[]>`
    select lmsmon.lms_key(i.id) as key from unnest(${ids}::bigint[]) with ordinality as i (id, position) order by i.position`;

/** People whose id (as the LMS has it) or username begins or ends like the given text: some of them may have been meant. */
export function nearPeople(sql: Queryable, among: Among, like: string) {
  const half = Math.max(1, Math.ceil(like.length / 2));
  const begin = like.slice(0, half);
  const end = like.slice(-half);
  return sql<NearPersonRow[]>`
    select k.key as id, p.username from lmsmon.people p, lmsmon.lms_key(p.id) as k (key)
     where ${isAmong(sql, among)}
       and (left(k.key, ${half}) = ${begin} or right(k.key, ${half}) = ${end}
         or left(lower(p.username), ${half}) = lower(${begin}) or right(lower(p.username), ${half}) = lower(${end}))
     order by abs(length(k.key) - ${like.length}), p.id limit 2000`;
}

export const StudentNamedRow = z.object({ name: neverNull(text), id: neverNull(int8), rank: neverNull(int4) });
export type StudentNamedRow = z.infer<typeof StudentNamedRow>;

/**
 * As peopleNamed, of many students at once, also those of whom only events or enrolments are known. All are array literals; `idNames`
 * and `ids` of one length: which ids a name may be.
 */
export const studentsNamed = (sql: Queryable, source: string, names: string, idNames: string, ids: string) =>
  sql<StudentNamedRow[]>`
    with wanted as (select name from unnest(${names}::text[]) as n (name)),
    numbered as (select name, id from unnest(${idNames}::text[], ${ids}::bigint[]) as n (name, id)),
    students as (select id, username, pseudonym from lmsmon.people where source = ${source} and role = 'student'),
    known as (
      select id from students
      union select student_id from lmsmon.enrolments where source = ${source}
      union select student_id from lmsmon.lms_activity_events where source = ${source} and student_id is not null),
    found as (
      select n.name, n.id, 1 as rank from numbered n join known k on k.id = n.id
      union all
      select w.name, s.id, 1 from wanted w join students s on s.pseudonym = w.name
      union all
      select w.name, s.id, case when s.username = w.name then 2 else 3 end
        from wanted w join students s on lower(s.username) = lower(w.name))
    select name, id, min(rank) as rank from found group by name, id order by name, rank, id`;
