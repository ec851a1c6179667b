import type { EpochMicros } from "../../lib/model/time.ts";
import { z } from "zod";
import { bool, float8, int4, int8, jsonb, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

/** One due (event, recipient) with everything its message may say. Times are microseconds since 1970, as text. */
export const DueLogRow = z.object({
  log_id: int8,
  event_id: int8,
  recipient: neverNull(text),
  reason: text.nullable(),
  marker: neverNull(text),
  attempts: int4,
  due_us: neverNull(int8),
  kind: text,
  stage: text,
  event_type: text,
  attempt_id: int8,
  incarnation: int4,
  attempt_no: int4.nullable(),
  revision: int4,
  change: z.enum(["first_result", "verdict", "score", "reused"]).nullable(),
  occurred_us: neverNull(int8),
  timestamp_approximate: bool,
  detected_us: neverNull(int8),
  poll_id: int8,
  student_id: int8.nullable(),
  student_username: text.nullable(),
  student_name: text.nullable(),
  student_email: text.nullable(),
  /** Some other student, of whatever mentor, has the same name: {@link sharedNames} says more. */
  has_namesake: neverNull(bool),
  activity_id: int8.nullable(),
  title: text.nullable(),
  course: text.nullable(),
  chapter: text.nullable(),
  content_type: text.nullable(),
  /** The LMS's own keys, where the ids stand for others. */
  attempt_key: text.nullable(),
  activity_key: text.nullable(),
  student_key: text.nullable(),
  /** The whole activity_metadata. */
  metadata: jsonb,
});
export type DueLogRow = z.infer<typeof DueLogRow>;

/**
 * Rows that may leave now, and those that gather, by recipient in the given order, exams first, then in order of occurrence; at
 * most `perRecipient` of each and `all` together, so the last recipient's may be incomplete; what may leave is found before
 * what gathers, or those would be looked at again and again while nothing becomes of the others. Nothing gathers beyond
 * `gatheringUntil`. Texts are cut here: a title of a megabyte must not be multiplied by thousands of rows.
 */
export function dueRows(
  sql: Queryable,
  source: string,
  recipients: readonly string[],
  { now, gatheringUntil }: { readonly now: EpochMicros; readonly gatheringUntil: EpochMicros },
  { perRecipient, all }: { readonly perRecipient: number; readonly all: number },
) {
  return sql<DueLogRow[]>`
    select x.* from unnest(${recipients as string[]}::text[]) with ordinality as r(recipient, position)
     cross join lateral (
       select l.log_id, l.event_id, l.recipient, l.reason, l.marker, l.attempts,
              (extract(epoch from coalesce(l.first_due_at, l.next_attempt_at)) * 1000000)::bigint as due_us, e.kind, e.stage, e.event_type, e.attempt_id,
              e.incarnation, e.attempt_no, e.revision, e.change, (extract(epoch from e.timestamp) * 1000000)::bigint as occurred_us,
              e.timestamp_approximate, (extract(epoch from e.created_at) * 1000000)::bigint as detected_us, e.poll_id,
              e.student_id, left(coalesce(s.username, e.student_username), 300) as student_username,
              left(s.name, 300) as student_name, left(s.email, 300) as student_email,
              (s.name <> '' and exists (
                select from lmsmon.people o
                 where o.source = s.source and o.role = 'student' and o.id <> s.id
                   and left(lower(o.name), 100) = left(lower(s.name), 100))) is true as has_namesake, e.activity_id,
              left(e.activity_title, 1000) as title, left(e.course, 500) as course, left(e.chapter, 500) as chapter,
              left(e.content_type, 100) as content_type, nullif(lmsmon.lms_key(e.attempt_id), e.attempt_id::text) as attempt_key,
              nullif(lmsmon.lms_key(e.activity_id), e.activity_id::text) as activity_key,
              nullif(lmsmon.lms_key(e.student_id), e.student_id::text) as student_key, e.activity_metadata as metadata
         from lmsmon.lms_event_logs l
         join lmsmon.lms_activity_events e on e.event_id = l.event_id
         join lmsmon.poll_runs p on p.poll_id = l.poll_id and p.delivery = 'open'
         left join lmsmon.people s on s.source = l.source and s.role = 'student' and s.id = e.student_id
        where l.source = ${source} and l.recipient = r.recipient and l.untold and l.status <> 'held'
          and l.next_attempt_at <= ${gatheringUntil}::timestamptz
          and (l.next_attempt_at <= ${now}::timestamptz or l.reason = 'gathering')
        order by (l.next_attempt_at > ${now}::timestamptz), (e.kind = 'content'), e.timestamp, e.event_id limit ${perRecipient}) x
     order by r.position, (x.kind = 'content'), x.occurred_us, x.event_id limit ${all}`;
}

export const SiblingRow = z.object({
  event_id: int8,
  recipient: neverNull(text),
  status: text,
  reason: text.nullable(),
  zulip_user_id: int8.nullable(),
  under_way: neverNull(bool),
});
export type SiblingRow = z.infer<typeof SiblingRow>;

/** Every delivery of the given events that has a recipient. */
export function siblings(sql: Queryable, eventIds: readonly string[]) {
  return sql<SiblingRow[]>`
    select event_id, recipient, status, reason, zulip_user_id, message_id is not null as under_way from lmsmon.lms_event_logs
     where event_id = any(${eventIds as string[]}::bigint[]) and recipient is not null`;
}

export const ToldBeforeRow = z.object({
  event_id: neverNull(int8),
  recipient: neverNull(text),
  event_type: text,
  verdict: z.enum(["pass", "fail"]).nullable(),
  score: float8.nullable(),
  percentage: float8.nullable(),
  told_us: neverNull(int8),
});
export type ToldBeforeRow = z.infer<typeof ToldBeforeRow>;

/**
 * What each recipient was last told about the finish that the given event corrects, by the chain of `supersedes`; or about that of
 * the event itself.
 */
export function toldBefore(
  sql: Queryable,
  source: string,
  eventIds: readonly string[],
  recipients: readonly string[],
  from: "what_it_corrects" | "from_itself" = "what_it_corrects",
) {
  return sql<ToldBeforeRow[]>`
    with recursive chain as (
      select x.event_id, x.recipient, case when ${from === "from_itself"} then x.event_id
             else (e.activity_metadata->>'supersedes')::bigint end as earlier, 1 as depth
        from unnest(${eventIds as string[]}::bigint[], ${recipients as string[]}::text[]) as x(event_id, recipient)
        join lmsmon.lms_activity_events e on e.event_id = x.event_id
      union all
      select c.event_id, c.recipient, (e.activity_metadata->>'supersedes')::bigint, c.depth + 1
        from chain c join lmsmon.lms_activity_events e on e.event_id = c.earlier where c.depth < 50)
    select distinct on (c.event_id, c.recipient) c.event_id, c.recipient, e.event_type, e.activity_metadata->>'verdict' as verdict,
           (e.activity_metadata->>'score')::float8 as score, (e.activity_metadata->>'percentage')::float8 as percentage,
           (extract(epoch from l.processed_at) * 1000000)::bigint as told_us
      from chain c
      join lmsmon.lms_event_logs l on l.event_id = c.earlier and l.recipient = c.recipient and l.source = ${source}
       and l.status = 'sent'
      join lmsmon.lms_activity_events e on e.event_id = c.earlier and e.stage = 'finished'
     order by c.event_id, c.recipient, c.depth`;
}

export const SharedNameRow = z.object({ mentor_id: neverNull(int8), student_id: neverNull(int8) });
export type SharedNameRow = z.infer<typeof SharedNameRow>;

/** Students whose name another student of the same mentor has too. */
export function sharedNames(
  sql: Queryable,
  source: string,
  mentorIds: readonly string[],
  studentIds: readonly string[],
) {
  return sql<SharedNameRow[]>`
    select x.mentor_id, x.student_id
      from unnest(${mentorIds as string[]}::bigint[], ${studentIds as string[]}::bigint[]) as x(mentor_id, student_id)
      join lmsmon.people p on p.source = ${source} and p.role = 'student' and p.id = x.student_id and p.name <> ''
     where ${hasNamesake(sql, source, sql`p.name`)}`;
}

/** As {@link sharedNames}, of students who may not be stored yet. */
export function namesakes(
  sql: Queryable,
  source: string,
  mentorIds: readonly string[],
  studentIds: readonly string[],
  names: readonly string[],
) {
  return sql<SharedNameRow[]>`
    select x.mentor_id, x.student_id
      from unnest(${mentorIds as string[]}::bigint[], ${studentIds as string[]}::bigint[], ${names as string[]}::text[])
           as x(mentor_id, student_id, name)
     where ${hasNamesake(sql, source, sql`x.name`)}`;
}

/**
 * Whether the mentor of a row `x` has another student of this name. `offset 0` keeps the conditions as index probes of each row, which
 * a planner with little knowledge of the tables would join whole.
 */
const hasNamesake = (sql: Queryable, source: string, name: ReturnType<Queryable>) =>
  sql`exists (
       select from lmsmon.people o
        where o.source = ${source} and o.role = 'student' and o.id <> x.student_id
          and left(lower(o.name), 100) = left(lower(${name}), 100)
          and exists (
            select from lmsmon.mentor_links k
             where k.source = ${source} and k.student_id = o.id and x.mentor_id = any(k.mentor_ids) offset 0)
       offset 0)`;

export const OutageRow = z.object({ poll_id: int8, outage_ms: neverNull(float8) });
export type OutageRow = z.infer<typeof OutageRow>;

/** How long failed polls came before the given ones: the LMS was away, and their events are late. */
export function outagesBeforePolls(sql: Queryable, source: string, pollIds: readonly string[]) {
  return sql<OutageRow[]>`
    select p.poll_id, coalesce(extract(epoch from p.started_at - (
             select min(f.started_at) from lmsmon.poll_runs f
              where f.source = ${source} and f.status = 'failed' and f.poll_id < p.poll_id and f.poll_id > coalesce((
                select max(d.poll_id) from lmsmon.poll_runs d
                 where d.source = ${source} and d.status = 'done' and d.poll_id < p.poll_id), 0))) * 1000, 0)::float8 as outage_ms
      from lmsmon.poll_runs p where p.poll_id = any(${pollIds as string[]}::bigint[])`;
}

/** Attaches rows to their message, being sent (`begun`) or not; answers how many it could. */
export function attachRows(
  sql: Queryable,
  logIds: readonly string[],
  messageIds: readonly string[],
  userIds: readonly (string | null)[],
  begun: readonly boolean[],
) {
  return sql`
    update lmsmon.lms_event_logs l
       set message_id = x.message_id, zulip_user_id = x.user_id, reason = null,
           status = case when x.begun = 1 then 'sending' else 'pending' end
      from unnest(${logIds as string[]}::bigint[], ${messageIds as string[]}::bigint[], ${userIds as string[]}::bigint[],
                  ${begun.map((flag) => flag ? 1 : 0)}::int[]) as x(log_id, message_id, user_id, begun)
     where l.log_id = x.log_id and l.message_id is null and l.status in ('waiting', 'pending')`;
}

/** Ends rows without a message. */
export function suppressRows(sql: Queryable, logIds: readonly string[], reasons: readonly string[], now: EpochMicros) {
  return sql`
    update lmsmon.lms_event_logs l
       set status = 'suppressed', reason = x.reason, zulip_user_id = null, processed_at = ${now}::timestamptz
      from unnest(${logIds as string[]}::bigint[], ${reasons as string[]}::text[]) as x(log_id, reason)
     where l.log_id = x.log_id and l.message_id is null and l.status in ('waiting', 'pending')`;
}

/** Puts rows off, visibly. What is paused keeps when it was due. */
export function putOffRows(
  sql: Queryable,
  logIds: readonly string[],
  reasons: readonly string[],
  until: readonly EpochMicros[],
) {
  return sql`
    update lmsmon.lms_event_logs l
       set status = 'waiting', reason = x.reason, next_attempt_at = x.until,
           first_due_at = case x.reason when 'paused' then coalesce(l.first_due_at, l.next_attempt_at) end
      from unnest(${logIds as string[]}::bigint[], ${reasons as string[]}::text[], ${until as number[]}::timestamptz[])
           as x(log_id, reason, until)
     where l.log_id = x.log_id and l.message_id is null and l.status in ('waiting', 'pending')`;
}

export interface NewLogRow {
  readonly eventId: string;
  readonly pollId: string;
  readonly recipient: string;
  readonly marker: string;
  /** The digest time that it waits for; none: it is due at once. */
  readonly digestAt?: EpochMicros | null;
}

/** Deliveries that detection did not know of: a mentor linked since, the fallback channel. */
export function addRows(sql: Queryable, source: string, rows: readonly NewLogRow[], now: EpochMicros) {
  return sql`
    insert into lmsmon.lms_event_logs (event_id, source, poll_id, recipient, marker, status, reason, next_attempt_at)
    select x.event_id, ${source}, x.poll_id, x.recipient, x.marker, case when x.digest_at is null then 'pending' else 'waiting' end,
           case when x.digest_at is null then null else 'digest' end, coalesce(x.digest_at, ${now}::timestamptz)
      from unnest(${rows.map((row) => row.eventId)}::bigint[], ${rows.map((row) => row.pollId)}::bigint[],
                  ${rows.map((row) => row.recipient)}::text[], ${rows.map((row) => row.marker)}::text[],
                  ${
    rows.map((row) => row.digestAt ?? null)
  }::timestamptz[]) as x(event_id, poll_id, recipient, marker, digest_at)
     order by x.event_id, x.recipient
    on conflict (event_id, recipient) where recipient is not null do nothing`;
}

export const PersonRow = z.object({
  id: int8,
  username: text.nullable(),
  email: text.nullable(),
  name: text.nullable(),
});
export type PersonRow = z.infer<typeof PersonRow>;

/** Mentors and students as stored, for resolving accounts and naming who else is told. */
export function peopleByIds(
  sql: Queryable,
  source: string,
  role: "student" | "mentor",
  ids: readonly string[],
) {
  return sql<PersonRow[]>`
    select id, left(username, 300) as username, left(email, 320) as email, left(name, 300) as name from lmsmon.people
     where source = ${source} and role = ${role} and id = any(${ids as string[]}::bigint[])`;
}

export const MentorLinkRow = z.object({ student_id: int8, mentor_ids: z.array(int8) });
export type MentorLinkRow = z.infer<typeof MentorLinkRow>;

/** Current mentors of students, as last read from the LMS; a student that is absent was never asked about. */
export function mentorLinks(sql: Queryable, source: string, studentIds: readonly string[]) {
  return sql<MentorLinkRow[]>`
    select student_id, mentor_ids from lmsmon.mentor_links
     where source = ${source} and student_id = any(${studentIds as string[]}::bigint[])`;
}
