import { z } from "zod";
import type { EpochMicros } from "../../lib/model/time.ts";
import { bool, int4, int8, jsonb, neverNull, outerJoined, text, timestamptz } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const ExplainedEventRow = z.object({
  event_id: int8,
  source: text,
  kind: text,
  event_type: text,
  stage: text,
  attempt_id: int8,
  incarnation: int4,
  attempt_no: int4.nullable(),
  revision: int4,
  change: text.nullable(),
  origin: text,
  student_id: int8.nullable(),
  activity_id: int8.nullable(),
  activity_title: text.nullable(),
  metadata: jsonb,
  occurred_at: timestamptz,
  timestamp_approximate: bool,
  detected_at: timestamptz,
  suppressed_reason: text.nullable(),
  mentor_grace_until: timestamptz.nullable(),
  student_batch_ids: z.array(int8).nullable(),
  mentor_ids: outerJoined(z.array(int8)),
  poll_id: int8,
  poll_delivery: outerJoined(text),
  poll_reason: text.nullable(),
});
export type ExplainedEventRow = z.infer<typeof ExplainedEventRow>;

export interface EventQuestion {
  readonly source: string;
  readonly eventId?: string | null;
  readonly studentId?: string | null;
  readonly examId?: string | null;
  readonly since?: EpochMicros | null;
  readonly limit: number;
}

/** Stored events as `explain` shows them, the newest first: one by its id, or those of a student. */
export function explainedEvents(sql: Queryable, question: EventQuestion) {
  const { source, eventId = null, studentId = null, examId = null, since = null, limit } = question;
  return sql<ExplainedEventRow[]>`
    select e.event_id, e.source, e.kind, e.event_type, e.stage, e.attempt_id, e.incarnation, e.attempt_no, e.revision, e.change,
           e.origin, e.student_id, e.activity_id, e.activity_title, e.activity_metadata as metadata, e.timestamp as occurred_at,
           e.timestamp_approximate, e.created_at as detected_at, e.suppressed_reason, e.mentor_grace_until, e.student_batch_ids,
           m.mentor_ids, e.poll_id, p.delivery as poll_delivery, p.delivery_reason as poll_reason
      from lmsmon.lms_activity_events e
      left join lmsmon.mentor_sets m on m.mentor_set_id = e.mentor_set_id
      left join lmsmon.poll_runs p on p.poll_id = e.poll_id
     where e.source = ${source}
       and (${eventId}::bigint is null or e.event_id = ${eventId}::bigint)
       and (${studentId}::bigint is null or e.student_id = ${studentId}::bigint)
       and (${examId}::bigint is null or (e.kind = 'exam' and e.activity_id = ${examId}::bigint))
       and (${since}::timestamptz is null or e.created_at >= ${since}::timestamptz)
     order by e.event_id desc limit ${limit}::int`;
}

export const RevisionRow = z.object({
  event_id: int8,
  event_type: text,
  stage: text,
  revision: int4,
  incarnation: int4,
  change: text.nullable(),
  detected_at: timestamptz,
  suppressed_reason: text.nullable(),
  metadata: jsonb,
});
export type RevisionRow = z.infer<typeof RevisionRow>;

/** All that was stored of one student's attempt row, in order. `student_id` comes first in an index. */
export function attemptHistory(
  sql: Queryable,
  attempt: { readonly source: string; readonly kind: string; readonly studentId: string; readonly attemptId: string },
) {
  return sql<RevisionRow[]>`
    select event_id, event_type, stage, revision, incarnation, change, created_at as detected_at, suppressed_reason,
           activity_metadata as metadata
      from lmsmon.lms_activity_events
     where student_id = ${attempt.studentId}::bigint and source = ${attempt.source} and kind = ${attempt.kind}
       and attempt_id = ${attempt.attemptId}::bigint
     order by event_id limit 100`;
}

export const ExplainedDeliveryRow = z.object({
  event_id: int8,
  recipient: text.nullable(),
  status: text,
  reason: text.nullable(),
  attempts: int4,
  next_attempt_at: timestamptz.nullable(),
  zulip_user_id: int8.nullable(),
  zulip_message_id: int8.nullable(),
  error: text.nullable(),
  created_at: timestamptz,
  processed_at: timestamptz.nullable(),
  poll_delivery: outerJoined(text),
  message_id: int8.nullable(),
  message_state: outerJoined(text),
  message_reason: text.nullable(),
  message_attempts: outerJoined(int4),
  message_created_at: outerJoined(timestamptz),
  message_started_at: timestamptz.nullable(),
  message_next_at: timestamptz.nullable(),
  message_to: int8.nullable(),
  channel: text.nullable(),
  topic: text.nullable(),
});
export type ExplainedDeliveryRow = z.infer<typeof ExplainedDeliveryRow>;

/** What became of the given events' deliveries. */
export function explainedDeliveries(sql: Queryable, eventIds: readonly string[]) {
  return sql<ExplainedDeliveryRow[]>`
    select l.event_id, l.recipient, l.status, l.reason, l.attempts, l.next_attempt_at, l.zulip_user_id,
           l.notification_message_id as zulip_message_id, l.error_message as error, l.created_at, l.processed_at,
           p.delivery as poll_delivery, l.message_id, m.state as message_state, m.reason as message_reason,
           m.attempts as message_attempts, m.created_at as message_created_at, m.started_at as message_started_at,
           coalesce(m.next_attempt_at, m.look_up_at) as message_next_at, m.zulip_user_id as message_to, m.channel, m.topic
      from lmsmon.lms_event_logs l
      left join lmsmon.messages m on m.message_id = l.message_id
      left join lmsmon.poll_runs p on p.poll_id = l.poll_id
     where l.event_id = any(${eventIds as string[]}::bigint[])
     order by l.event_id desc, l.recipient nulls first`;
}

export const ExplainedPersonRow = z.object({
  id: int8,
  username: text.nullable(),
  active: bool,
  batch_ids: z.array(int8),
  account_status: outerJoined(text),
  account_id: int8.nullable(),
  account_timezone: text.nullable(),
  checked_at: outerJoined(timestamptz),
});
export type ExplainedPersonRow = z.infer<typeof ExplainedPersonRow>;

/** People of a role, with what is known of their accounts. */
export function explainedPeople(
  sql: Queryable,
  source: string,
  role: "student" | "mentor",
  ids: readonly string[],
) {
  return sql<ExplainedPersonRow[]>`
    select p.id, p.username, p.active, p.batch_ids, u.status as account_status, u.zulip_user_id as account_id,
           u.timezone as account_timezone, u.checked_at
      from lmsmon.people p
      left join lmsmon.user_links u on u.source = p.source and u.role = p.role and u.person_id = p.id
     where p.source = ${source} and p.role = ${role} and p.id = any(${ids as string[]}::bigint[])
     order by p.id limit 1000`;
}

export const KnownIdRow = z.object({ id: neverNull(int8), key: neverNull(text) });
export type KnownIdRow = z.infer<typeof KnownIdRow>;

/** Exams that events are about, and what the LMS calls them. */
export function knownExams(sql: Queryable, source: string) {
  return sql<KnownIdRow[]>`
    select e.id, lmsmon.lms_key(e.id) as key from (
      select distinct activity_id as id from lmsmon.lms_activity_events
       where source = ${source} and kind = 'exam' and activity_id is not null order by 1 limit 10000) e`;
}

export const EventRangeRow = z.object({ oldest: int8.nullable(), newest: int8.nullable() });
export type EventRangeRow = z.infer<typeof EventRangeRow>;

export function eventRange(sql: Queryable, source: string) {
  return sql<EventRangeRow[]>`
    select min(event_id) as oldest, max(event_id) as newest from lmsmon.lms_activity_events where source = ${source}`;
}

export const MentorDeliveriesRow = z.object({
  status: text,
  reason: text.nullable(),
  deliveries: neverNull(int4),
  oldest_at: neverNull(timestamptz),
  last_at: timestamptz.nullable(),
  next_at: timestamptz.nullable(),
  /** As long as the poll itself is in the way. */
  poll_id: outerJoined(int8),
  poll_delivery: neverNull(text),
  poll_reason: text.nullable(),
  attempts: int4.nullable(),
  error: text.nullable(),
});
export type MentorDeliveriesRow = z.infer<typeof MentorDeliveriesRow>;

/** A recipient's deliveries by state and reason, made since then; those that a poll holds up by poll, too. */
export function deliveriesOfRecipient(sql: Queryable, source: string, recipient: string, since: EpochMicros | null) {
  return sql<MentorDeliveriesRow[]>`
    select l.status, l.reason, count(*)::int as deliveries, min(l.created_at) as oldest_at, max(l.processed_at) as last_at,
           min(l.next_attempt_at) filter (where l.untold and l.status <> 'held') as next_at,
           h.poll_id, coalesce(h.delivery, 'open') as poll_delivery, max(h.delivery_reason) as poll_reason,
           max(coalesce(m.attempts, l.attempts)) as attempts,
           (array_agg(l.error_message order by l.processed_at desc nulls first, l.log_id desc)
              filter (where l.error_message is not null))[1] as error
      from lmsmon.lms_event_logs l
      left join lmsmon.messages m on m.message_id = l.message_id and l.status <> 'sent'
      left join lmsmon.poll_runs h on h.poll_id = l.poll_id and l.untold and (l.status = 'held' or h.delivery <> 'open')
     where l.source = ${source} and l.recipient = ${recipient}
       and (${since}::timestamptz is null or l.created_at >= ${since}::timestamptz)
     group by l.status, l.reason, h.poll_id, h.delivery order by l.status, l.reason nulls first, h.poll_id`;
}

export const StudentsOfMentorRow = z.object({ students: neverNull(int4) });
export type StudentsOfMentorRow = z.infer<typeof StudentsOfMentorRow>;

export function studentsOfMentor(sql: Queryable, source: string, mentorId: string) {
  return sql<StudentsOfMentorRow[]>`
    select count(*)::int as students from lmsmon.mentor_links where source = ${source} and ${mentorId}::bigint = any(mentor_ids)`;
}

export const MentorNewsRow = z.object({
  /** Why nobody is told; `null`: of these there are deliveries. */
  reason: text.nullable(),
  events: neverNull(int4),
  /** Of those that are told: without a delivery to this mentor. */
  for_others: neverNull(int4),
  newest_event: neverNull(int8),
  newest_at: neverNull(timestamptz),
});
export type MentorNewsRow = z.infer<typeof MentorNewsRow>;

/** What was found since then of the students who are a mentor's now, by why nobody is told. */
export function newsOfMentor(
  sql: Queryable,
  { source, mentorId, recipient, since }: {
    readonly source: string;
    readonly mentorId: string;
    readonly recipient: string;
    readonly since: EpochMicros | null;
  },
) {
  return sql<MentorNewsRow[]>`
    select e.suppressed_reason as reason, count(*)::int as events,
           (count(*) filter (where e.suppressed_reason is null and not exists (
             select from lmsmon.lms_event_logs l where l.event_id = e.event_id and l.recipient = ${recipient})))::int as for_others,
           max(e.event_id) as newest_event, max(e.created_at) as newest_at
      from lmsmon.mentor_links k
      join lmsmon.lms_activity_events e on e.student_id = k.student_id and e.source = k.source
     where k.source = ${source} and ${mentorId}::bigint = any(k.mentor_ids)
       and (${since}::timestamptz is null or e.created_at >= ${since}::timestamptz)
     group by e.suppressed_reason order by e.suppressed_reason nulls first`;
}
