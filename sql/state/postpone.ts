import type { EpochMicros } from "../../lib/model/time.ts";
import type { Queryable } from "./queryable.ts";

/** Puts off looking up messages that could not be looked up, or (pending ones) sending them. `reason`: null keeps what stands there. */
export function postponeMessages(
  sql: Queryable,
  messageIds: readonly string[],
  until: EpochMicros,
  reason: string | null,
) {
  return sql`
    update lmsmon.messages
       set look_up_at = case state when 'unknown' then ${until}::timestamptz end, reason = coalesce(${reason}, reason),
           next_attempt_at = case state when 'pending' then ${until}::timestamptz end
     where message_id = any(${messageIds as string[]}::bigint[]) and state in ('unknown', 'pending')`;
}

/** Puts off everything that recipients would be told until then, visibly: their channel cannot be read. */
export function putOffRecipients(
  sql: Queryable,
  source: string,
  recipients: readonly string[],
  reason: string,
  until: EpochMicros,
) {
  return sql`
    update lmsmon.lms_event_logs
       set status = 'waiting', reason = ${reason}, next_attempt_at = ${until}::timestamptz
     where source = ${source} and recipient = any(${recipients as string[]}::text[]) and untold
       and status in ('waiting', 'pending') and next_attempt_at < ${until}::timestamptz`;
}
