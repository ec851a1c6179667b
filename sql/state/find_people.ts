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

export const NearPersonRow = z.object({ id: int8, username: text.nullable() });
export type NearPersonRow = z.infer<typeof NearPersonRow>;

/** People whose id or username begins or ends like the given text: some of them may have been meant. */
export function nearPeople(sql: Queryable, among: Among, like: string) {
  const half = Math.max(1, Math.ceil(like.length / 2));
  const begin = like.slice(0, half);
  const end = like.slice(-half);
  return sql<NearPersonRow[]>`
    select p.id, p.username from lmsmon.people p
     where ${isAmong(sql, among)}
       and (left(p.id::text, ${half}) = ${begin} or right(p.id::text, ${half}) = ${end}
         or left(lower(p.username), ${half}) = lower(${begin}) or right(lower(p.username), ${half}) = lower(${end}))
     order by abs(length(p.id::text) - ${like.length}), p.id limit 2000`;
}
