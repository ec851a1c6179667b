import { z } from "zod";
import { bool, int4, neverNull, text, timestamptz } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const StandingRow = z.object({
  role: neverNull(text),
  is_standby: neverNull(bool),
  now: neverNull(timestamptz),
});
export type StandingRow = z.infer<typeof StandingRow>;

/** Who lmsmon is to this server, whether it only follows another one, and what time it has. */
export const readStanding = (sql: Queryable) =>
  sql<StandingRow[]>`
    select current_user::text as role, pg_is_in_recovery() as is_standby, clock_timestamp() as now`;

export const WriterRow = z.object({ rolname: neverNull(text) });
export type WriterRow = z.infer<typeof WriterRow>;

/** Roles besides lmsmon's own that may log in and write events; superusers always may. */
export const otherWriters = (sql: Queryable) =>
  sql<WriterRow[]>`
    select rolname::text from pg_catalog.pg_roles
     where rolcanlogin and not rolsuper and rolname <> current_user
       and has_schema_privilege(oid, 'lmsmon', 'usage') and has_table_privilege(oid, 'lmsmon.lms_activity_events', 'insert')
     order by rolname`;

/** A write like any other, for a transaction that is rolled back. */
export const tryToWrite = (sql: Queryable) =>
  sql`
    insert into lmsmon.facts (source, name, value) values ('', 'doctor', '{}'::jsonb)
    on conflict (source, name) do update set value = excluded.value`;

export const BacklogRow = z.object({
  status: text,
  deliveries: neverNull(text),
  overdue: neverNull(text),
  oldest_due: timestamptz.nullable(),
});
export type BacklogRow = z.infer<typeof BacklogRow>;

/** What is not yet told of a source, by status; what was due before `since` and still is not sent counts as overdue. */
export const readBacklog = (sql: Queryable, source: string, overdueS: number) =>
  sql<BacklogRow[]>`
    select status, count(*)::text as deliveries,
           (count(*) filter (where next_attempt_at < now() - ${overdueS}::float8 * interval '1 second'))::text as overdue,
           min(next_attempt_at) as oldest_due
      from lmsmon.lms_event_logs
     where source = ${source} and status in ('waiting', 'pending', 'held', 'sending', 'unknown')
     group by status order by status`;

export const SkippedPassRow = z.object({ at: timestamptz.nullable() });
export type SkippedPassRow = z.infer<typeof SkippedPassRow>;

/** When a full pass was last skipped because nothing had been committed since the one before: as good as made. */
export const lastSkippedPass = (sql: Queryable, source: string) =>
  sql<SkippedPassRow[]>`
    select max(started_at) as at from lmsmon.poll_runs
     where source = ${source} and status = 'done' and skipped_full_pass`;

export const MentorCountRow = z.object({ mentors: neverNull(int4) });
export type MentorCountRow = z.infer<typeof MentorCountRow>;

/** Mentors of students that lmsmon has news of. */
export const countMentors = (sql: Queryable, source: string) =>
  sql<MentorCountRow[]>`
    select count(distinct u.mentor)::int as mentors
      from lmsmon.mentor_links k cross join unnest(k.mentor_ids) as u(mentor) where k.source = ${source}`;
