import { z } from "zod";
import { int8, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const LmsKeyRow = z.object({ id: int8, key: text });
export type LmsKeyRow = z.infer<typeof LmsKeyRow>;

/** `ids`: a bigint[] literal. */
export const lmsKeys = (sql: Queryable, ids: string) =>
  sql<LmsKeyRow[]>`select id, key from lmsmon.lms_keys where id = any (${ids}::bigint[])`;

/** Keeps what is new, and nothing of people who were erased; columns are array literals. */
export const addLmsKeys = (sql: Queryable, ids: string, sorts: string, keys: string) =>
  sql`
    insert into lmsmon.lms_keys (id, sort, key)
    select u.* from unnest(${ids}::bigint[], ${sorts}::text[], ${keys}::text[]) as u (id, sort, key)
     where u.sort not in ('student', 'mentor') or not exists (
       select from (select distinct source from lmsmon.tombstones where role = u.sort) s
         join lmsmon.tombstones t on t.pseudonym = lmsmon.pseudonym(u.sort, s.source, u.id))
    on conflict (id) do nothing`;

/** What the LMS calls students, mentors and courses, where its keys are texts. */
export const namedKeys = (sql: Queryable) =>
  sql<LmsKeyRow[]>`select id, key from lmsmon.lms_keys where sort in ('student', 'mentor', 'course')`;
