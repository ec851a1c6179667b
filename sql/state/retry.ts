import { z } from "zod";
import type { EpochMicros } from "../../lib/model/time.ts";
import { int4, int8, outerJoined, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const RetriableRow = z.object({
  log_id: int8,
  event_id: int8,
  recipient: text.nullable(),
  status: text,
  reason: text.nullable(),
  message_id: int8.nullable(),
  message_state: outerJoined(text),
  attempts: int4,
});
export type RetriableRow = z.infer<typeof RetriableRow>;

export interface RetryQuestion {
  readonly eventId: string | null;
  readonly recipient: string | null;
  /** Only what was given up. */
  readonly deadOnly: boolean;
  /** Only those behind this one; `null`: from the first. */
  readonly after: string | null;
  readonly limit: number;
  /** In a transaction that is going to change them. */
  readonly lock: boolean;
}

/**
 * Deliveries that a person may want tried again now: given up; refused and waiting for the next try; waiting for an account. Not those
 * whose event or text `retention` took.
 */
export function retriable(sql: Queryable, source: string, question: RetryQuestion) {
  const { eventId, recipient, deadOnly, after, limit } = question;
  const lock = question.lock ? sql`for update of l` : sql``;
  return sql<RetriableRow[]>`
    select l.log_id, l.event_id, l.recipient, l.status, l.reason, l.message_id, m.state as message_state, l.attempts
      from lmsmon.lms_event_logs l left join lmsmon.messages m on m.message_id = l.message_id
     where l.source = ${source} and m.content is distinct from ''
       and (exists (select from lmsmon.lms_activity_events e where e.event_id = l.event_id)
         or exists (select from lmsmon.letters t where t.letter_id = l.event_id))
       and (${after}::bigint is null or l.log_id > ${after}::bigint)
       and (${eventId}::bigint is null or l.event_id = ${eventId}::bigint)
       and (${recipient}::text is null or l.recipient = ${recipient}::text)
       and ((l.status = 'dead' and l.reason <> 'erased')
         or (not ${deadOnly}::boolean and (
               (l.status = 'pending' and m.state = 'pending' and m.attempts > 0)
            or (l.status = 'waiting' and l.reason = 'no_account'))))
     order by l.log_id limit ${limit}::int ${lock}`;
}

/** Refused deliveries leave their message, which Zulip never took: they are composed anew, to the account that there is now. */
export function reviveRefused(sql: Queryable, logIds: readonly string[], now: EpochMicros) {
  return sql`
    update lmsmon.lms_event_logs
       set status = 'pending', reason = null, error_message = null, attempts = 0, message_id = null, zulip_user_id = null,
           next_attempt_at = ${now}::timestamptz, processed_at = null
     where log_id = any(${logIds as string[]}::bigint[]) and status = 'dead'`;
}

/** Messages that no delivery belongs to any more. */
export function dropEmptyMessages(sql: Queryable, messageIds: readonly string[]) {
  return sql`
    delete from lmsmon.messages m
     where m.message_id = any(${messageIds as string[]}::bigint[]) and m.state = 'dead'
       and not exists (select from lmsmon.lms_event_logs l where l.message_id = m.message_id)`;
}

/** Messages whose outcome was never known are looked up in Zulip before they are sent again, with the text that they have. */
export function reviveDoubtful(sql: Queryable, messageIds: readonly string[], now: EpochMicros) {
  return sql`
    with m as (
      update lmsmon.messages
         set state = 'unknown', reason = 'retried by hand', crashes = 0, attempts = 0, look_up_at = ${now}::timestamptz,
             finished_at = null, claimed_by = null
       where message_id = any(${messageIds as string[]}::bigint[]) and state = 'dead'
      returning message_id)
    update lmsmon.lms_event_logs l
       set status = 'unknown', reason = null, error_message = null, attempts = 0, processed_at = null
     where l.message_id = any(array(select message_id from m)) and l.status = 'dead'`;
}

/** What waits for an account is looked at now. */
export function hurryWaiting(sql: Queryable, logIds: readonly string[], now: EpochMicros) {
  return sql`
    update lmsmon.lms_event_logs set next_attempt_at = ${now}::timestamptz
     where log_id = any(${logIds as string[]}::bigint[]) and untold and status = 'waiting'`;
}
