import { z } from "zod";
import type { EpochMicros } from "../../lib/model/time.ts";
import { int8, neverNull, text, timestamptz } from "./columns.ts";
import { isErased } from "./is_erased.ts";
import type { Queryable } from "./queryable.ts";

export const PauseRow = z.object({
  pause_id: int8,
  scope: z.enum(["all", "mentor", "student", "exam"]),
  subject_id: int8.nullable(),
  until: timestamptz.nullable(),
  reason: text,
  created_at: timestamptz,
});
export type PauseRow = z.infer<typeof PauseRow>;

/** What is paused at `now`, in the order in which it began. */
export function pausesAt(sql: Queryable, source: string, now: EpochMicros) {
  return sql<PauseRow[]>`
    select pause_id, scope, subject_id, until, reason, created_at from lmsmon.pauses
     where source = ${source} and ended_at is null and (until is null or until > ${now}::timestamptz)
     order by pause_id`;
}

export interface PauseScopeColumns {
  readonly scope: "all" | "mentor" | "student" | "exam";
  readonly subjectId: string | null;
}

/** Ends pauses of exactly this scope, those that ran out included; answers all of them. */
export function endPauses(
  sql: Queryable,
  source: string,
  { scope, subjectId }: PauseScopeColumns,
  now: EpochMicros,
) {
  return sql<PauseRow[]>`
    update lmsmon.pauses set ended_at = least(until, ${now}::timestamptz)
     where source = ${source} and scope = ${scope} and subject_id is not distinct from ${subjectId}::bigint and ended_at is null
    returning pause_id, scope, subject_id, until, reason, created_at`;
}

/** Nothing where the person was erased: call it beside erasures. */
export function insertPause(
  sql: Queryable,
  source: string,
  pause: PauseScopeColumns & { readonly until: EpochMicros | null; readonly reason: string },
) {
  return sql`
    insert into lmsmon.pauses (source, scope, subject_id, until, reason)
    select ${source}::text, x.scope, x.subject_id, ${pause.until}::timestamptz, ${pause.reason}::text
      from (select ${pause.scope}::text as scope, ${pause.subjectId}::bigint as subject_id) x
     where x.scope not in ('student', 'mentor') or not ${isErased(sql, source, "x.scope", "x.subject_id")}`;
}

export const WokenByResumeRow = z.object({ recipient: neverNull(text), deliveries: neverNull(int8) });
export type WokenByResumeRow = z.infer<typeof WokenByResumeRow>;

/** What was paused is due now; what another pause still covers is put off again by the round that looks at it. */
export function wakePausedRows(sql: Queryable, source: string, now: EpochMicros) {
  return sql<WokenByResumeRow[]>`
    with woken as (
      update lmsmon.lms_event_logs set next_attempt_at = ${now}::timestamptz
       where source = ${source} and untold and status = 'waiting' and reason = 'paused' and recipient is not null
      returning recipient)
    select recipient, count(*) as deliveries from woken group by recipient order by recipient`;
}

export const WokenMessageRow = z.object({ recipient: text });
export type WokenMessageRow = z.infer<typeof WokenMessageRow>;

/** Composed messages that wait for a time (a pause, the next try after a refusal) are due now. */
export function hurryMessages(sql: Queryable, source: string, now: EpochMicros) {
  return sql<WokenMessageRow[]>`
    with hurried as (
      update lmsmon.messages set next_attempt_at = ${now}::timestamptz
       where source = ${source} and state = 'pending' and kind <> 'admin' and started_at is not null
         and next_attempt_at > ${now}::timestamptz
      returning recipient)
    select distinct recipient from hurried order by recipient`;
}

export const PausableMessageRow = z.object({
  message_id: neverNull(int8),
  recipient: text.nullable(),
  kind: neverNull(text),
  student_id: int8.nullable(),
  activity_id: int8.nullable(),
});
export type PausableMessageRow = z.infer<typeof PausableMessageRow>;

/** What the given messages tell: of whom and of what. */
export function subjectsOfMessages(sql: Queryable, messageIds: readonly string[]) {
  return sql<PausableMessageRow[]>`
    select l.message_id, l.recipient, e.kind, e.student_id, e.activity_id
      from lmsmon.lms_event_logs l join lmsmon.lms_activity_events e on e.event_id = l.event_id
     where l.message_id = any(${messageIds as string[]}::bigint[])
    union all
    select l.message_id, l.recipient, 'weekly', n.student_id, null
      from lmsmon.lms_event_logs l join lmsmon.namings n on n.letter_id = l.event_id
     where l.message_id = any(${messageIds as string[]}::bigint[]) and n.left_out is null`;
}

export const PausedCountRow = z.object({ deliveries: neverNull(int8) });
export type PausedCountRow = z.infer<typeof PausedCountRow>;

/** Deliveries not told yet that such a pause covers. */
export function untoldOfScope(sql: Queryable, source: string, { scope, subjectId }: PauseScopeColumns) {
  const recipient = scope === "mentor" ? `mentor:${subjectId}` : null;
  return sql<PausedCountRow[]>`
    select count(*) as deliveries
      from lmsmon.lms_event_logs l left join lmsmon.lms_activity_events e on e.event_id = l.event_id
     where l.source = ${source} and l.untold and l.status <> 'held'
       and (${scope}::text = 'all'
         or (${scope}::text = 'mentor' and l.recipient = ${recipient}::text)
         or (${scope}::text = 'student' and e.student_id = ${subjectId}::bigint)
         or (${scope}::text = 'exam' and e.kind = 'exam' and e.activity_id = ${subjectId}::bigint))`;
}
