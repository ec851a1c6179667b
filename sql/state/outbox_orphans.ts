import type { EpochMicros } from "../../lib/model/time.ts";
import { z } from "zod";
import { int4, int8, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const OrphanRow = z.object({
  log_id: int8,
  event_id: int8,
  poll_id: int8,
  kind: z.enum(["exam", "assignment", "content"]),
  stage: z.enum(["started", "finished"]),
  attempt_id: int8,
  incarnation: int4,
  student_id: int8.nullable(),
  activity_id: int8.nullable(),
  revision: int4,
  event_type: text,
  /** When it is due, while that is still to come: at a digest time. */
  later_us: int8.nullable(),
  /** `{}` when the grace is over and there is still nobody. */
  mentor_ids: neverNull(z.array(int8)),
});
export type OrphanRow = z.infer<typeof OrphanRow>;

/** Events without a recipient whose student has mentors by now, or whose grace is over. */
export function ripeOrphans(sql: Queryable, source: string, now: EpochMicros, limit: number) {
  return sql<OrphanRow[]>`
    select l.log_id, l.event_id, l.poll_id, e.kind, e.stage, e.attempt_id, e.incarnation, e.student_id, e.activity_id, e.revision, e.event_type,
           case when l.next_attempt_at > ${now}::timestamptz then (extract(epoch from l.next_attempt_at) * 1000000)::bigint end as later_us,
           coalesce(k.mentor_ids, '{}') as mentor_ids
      from lmsmon.lms_event_logs l
      join lmsmon.lms_activity_events e on e.event_id = l.event_id
      join lmsmon.poll_runs p on p.poll_id = l.poll_id and p.delivery = 'open'
      left join lmsmon.mentor_links k on k.source = l.source and k.student_id = e.student_id
     where l.source = ${source} and l.recipient is null and l.untold and l.status <> 'held'
       and (cardinality(k.mentor_ids) > 0 or coalesce(e.mentor_grace_until, l.next_attempt_at) <= ${now}::timestamptz)
     order by l.log_id limit ${limit} for update of l skip locked`;
}

/** Gives rows that had no recipient their first one; due at once, or at their digest time. */
export function nameRecipients(
  sql: Queryable,
  logIds: readonly string[],
  recipients: readonly string[],
  markers: readonly string[],
  digestAt: readonly (EpochMicros | null)[],
  now: EpochMicros,
) {
  return sql`
    update lmsmon.lms_event_logs l
       set recipient = x.recipient, marker = x.marker, status = case when x.digest_at is null then 'pending' else 'waiting' end,
           reason = case when x.digest_at is null then null else 'digest' end,
           next_attempt_at = coalesce(x.digest_at, ${now}::timestamptz)
      from unnest(${logIds as string[]}::bigint[], ${recipients as string[]}::text[], ${markers as string[]}::text[],
                  ${digestAt as (number | null)[]}::timestamptz[]) as x(log_id, recipient, marker, digest_at)
     where l.log_id = x.log_id`;
}

export const MentorSetRow = z.object({ mentor_set_id: neverNull(int8), mentor_ids: neverNull(z.array(int8)) });
export type MentorSetRow = z.infer<typeof MentorSetRow>;

/** The mentor set of each list of mentors (`{3,7}`), made where it does not exist yet. */
export function ensureMentorSets(sql: Queryable, source: string, lists: readonly string[]) {
  return sql<MentorSetRow[]>`
    with wanted as (
      select distinct x.list::bigint[] as mentor_ids from unnest(${lists as string[]}::text[]) as x(list)),
    made as (
      insert into lmsmon.mentor_sets (source, mentor_ids, export_json)
      select ${source}, w.mentor_ids, (
               select '[' || string_agg('{"id":' || case when abs(m) > 9007199254740991 then '"' || m || '"' else m::text end
                                        || ',"username":null,"email":null}', ',' order by position) || ']'
                 from unnest(w.mentor_ids) with ordinality as u(m, position))
        from wanted w
      on conflict (source, mentor_ids) do nothing
      returning mentor_set_id, mentor_ids),
    members as (
      insert into lmsmon.lms_activity_event_mentors (mentor_set_id, position, source, mentor_id)
      select made.mentor_set_id, u.position, ${source}, u.m
        from made cross join unnest(made.mentor_ids) with ordinality as u(m, position))
    select mentor_set_id, mentor_ids from made
    union all
    select s.mentor_set_id, s.mentor_ids from lmsmon.mentor_sets s join wanted w on w.mentor_ids = s.mentor_ids
     where s.source = ${source}`;
}

/** Extends events by the mentors that were linked within the grace. */
export function setEventMentors(
  sql: Queryable,
  source: string,
  eventIds: readonly string[],
  mentorSetIds: readonly string[],
  firstMentorIds: readonly string[],
) {
  return sql`
    update lmsmon.lms_activity_events e
       set mentor_set_id = x.mentor_set_id, mentor_id = x.mentor_id, mentor_username = p.username, mentor_grace_until = null
      from unnest(${eventIds as string[]}::bigint[], ${mentorSetIds as string[]}::bigint[],
                  ${firstMentorIds as string[]}::bigint[]) as x(event_id, mentor_set_id, mentor_id)
      left join lmsmon.people p on p.source = ${source} and p.role = 'mentor' and p.id = x.mentor_id
     where e.event_id = x.event_id`;
}
