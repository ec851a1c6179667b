import { z } from "zod";
import { bool, int8, neverNull, text } from "./columns.ts";
import { isErased } from "./is_erased.ts";
import type { Queryable } from "./queryable.ts";

/** Columns of equal length. Ids are decimal text. */
export interface UserLinkColumns {
  readonly personIds: readonly string[];
  readonly zulipUserIds: readonly (string | null)[];
  readonly statuses: readonly string[];
  readonly emails: readonly (string | null)[];
  readonly timezones: readonly (string | null)[];
}

export const UserLinkRow = z.object({
  person_id: int8,
  zulip_user_id: int8.nullable(),
  status: text,
  email_seen: text.nullable(),
  timezone: text.nullable(),
  fresh: neverNull(bool),
});
export type UserLinkRow = z.infer<typeof UserLinkRow>;

/** `fresh`: checked less than `cacheMs` ago, by the state database's clock. */
export const readUserLinks = (sql: Queryable, source: string, role: string, ids: readonly string[], cacheMs: number) =>
  sql<UserLinkRow[]>`
    select person_id, zulip_user_id, status, email_seen, timezone,
           extract(epoch from clock_timestamp() - checked_at) * 1000 < ${cacheMs}::double precision as fresh
      from lmsmon.user_links
     where source = ${source} and role = ${role} and person_id = any(${ids as string[]}::bigint[])`;

/**
 * Written in one order, so that two writers cannot wait for each other. A student without an account gets no row of their
 * own (there may be a million of them), but loses a link that no longer holds. Nobody who was erased gets one: call it beside erasures.
 */
export const upsertUserLinks = (sql: Queryable, source: string, role: string, links: UserLinkColumns) =>
  sql`
    insert into lmsmon.user_links as old (source, role, person_id, zulip_user_id, status, email_seen, timezone, checked_at)
    select ${source}::text, ${role}::text, u.person_id, u.zulip_user_id, u.status, u.email_seen, u.timezone, clock_timestamp()
      from unnest(${links.personIds as string[]}::bigint[], ${links.zulipUserIds as string[]}::bigint[],
        ${links.statuses as string[]}::text[], ${links.emails as string[]}::text[], ${links
    .timezones as string[]}::text[])
        as v (person_id, zulip_user_id, status, email_seen, timezone)
      cross join lateral (select v.*, ${role}::text as role) u
     where (u.zulip_user_id is not null or ${role}::text <> 'student' or exists (
       select 1 from lmsmon.user_links k where k.source = ${source} and k.role = ${role} and k.person_id = u.person_id))
       and not ${isErased(sql, source, "u.role", "u.person_id")}
     order by u.person_id
    on conflict (source, role, person_id) do update
      set zulip_user_id = excluded.zulip_user_id, status = excluded.status, email_seen = excluded.email_seen,
          timezone = excluded.timezone,
          checked_at = excluded.checked_at`;

export const FilledEventRow = z.object({ event_id: int8 });
export type FilledEventRow = z.infer<typeof FilledEventRow>;

/** Gives up to `limit` events of the given students their Zulip account where it is missing; one row per event changed. */
export const fillEventAccounts = (
  sql: Queryable,
  source: string,
  studentIds: readonly string[],
  zulipUserIds: readonly string[],
  limit: number,
) =>
  sql<FilledEventRow[]>`
    with missing as (
      select e.event_id, u.zulip_user_id
        from unnest(${studentIds as string[]}::bigint[], ${zulipUserIds as string[]}::bigint[]) as u (student_id, zulip_user_id)
        join lmsmon.lms_activity_events e on e.student_id = u.student_id and e.source = ${source} and e.zulip_user_id is null
       order by e.event_id limit ${limit}::int for update of e)
    update lmsmon.lms_activity_events e set zulip_user_id = missing.zulip_user_id
      from missing where e.event_id = missing.event_id
    returning e.event_id`;

export const KnownStudentRow = z.object({
  id: int8,
  username: text.nullable(),
  email: text.nullable(),
  name: text.nullable(),
});
export type KnownStudentRow = z.infer<typeof KnownStudentRow>;

/** Students that events refer to, in pages by id; `after` `null`: from the start. */
export const knownStudents = (sql: Queryable, source: string, after: string | null, limit: number) =>
  sql<KnownStudentRow[]>`
    select id, username, email, name from lmsmon.people
     where source = ${source} and role = 'student' and id > coalesce(${after}::bigint, -9223372036854775808)
     order by id limit ${limit}::int`;
