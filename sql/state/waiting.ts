import type { EpochMicros } from "../../lib/model/time.ts";
import { z } from "zod";
import { int4, int8, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const WokenRow = z.object({ recipient: neverNull(text) });
export type WokenRow = z.infer<typeof WokenRow>;

/**
 * Rows that wait for an account that somebody else found meanwhile (map-users, another process); or, with `all`, all of them, and
 * those that wait for the end of quiet hours, which may be others by now.
 */
export function wakeRowsWithAccount(sql: Queryable, source: string, now: EpochMicros, all: boolean) {
  return sql<WokenRow[]>`
    with woken as (
      update lmsmon.lms_event_logs l set next_attempt_at = ${now}::timestamptz
       where l.source = ${source} and l.untold and l.status = 'waiting' and l.reason in ('no_account', 'quiet')
         and l.next_attempt_at > ${now}::timestamptz
         and (${all} or l.reason = 'no_account' and exists (
           select from lmsmon.user_links u where u.source = l.source and u.role = 'mentor' and u.zulip_user_id is not null
              and l.recipient = 'mentor:' || u.person_id))
      returning l.recipient)
    select distinct recipient from woken order by recipient`;
}

export const UnfinishedCountRow = z.object({
  status: neverNull(text),
  /** Why it waits for a time, if it does. */
  reason: text.nullable(),
  count: neverNull(int4),
  /** When the first and the last of them are looked at again. */
  from_us: int8.nullable(),
  until_us: int8.nullable(),
});
export type UnfinishedCountRow = z.infer<typeof UnfinishedCountRow>;

/** How many deliveries are in which state and why, of those that are not over. */
export function unfinishedCounts(sql: Queryable, source: string) {
  return sql<UnfinishedCountRow[]>`
    select status, reason, count(*)::int as count, (extract(epoch from min(due_at)) * 1000000)::bigint as from_us,
           (extract(epoch from max(due_at)) * 1000000)::bigint as until_us from (
      select status, case when status = 'waiting' then reason end as reason, next_attempt_at as due_at from lmsmon.lms_event_logs
       where source = ${source} and untold
      union all
      select l.status, null, null from lmsmon.messages m join lmsmon.lms_event_logs l on l.message_id = m.message_id
       where m.source = ${source} and m.state in ('pending', 'sending', 'unknown')) x
     group by status, reason order by status, reason`;
}

export const UntoldNewsRow = z.object({ never_told: neverNull(int8), pending: neverNull(int8) });
export type UntoldNewsRow = z.infer<typeof UntoldNewsRow>;

/** News that was found while notifications were off, and deliveries that are still to be made. */
export function untoldNews(sql: Queryable, source: string) {
  return sql<UntoldNewsRow[]>`
    select (select count(*) from lmsmon.lms_activity_events
             where source = ${source} and suppressed_reason = 'notifications_off' and origin = 'live') as never_told,
           (select count(*) from lmsmon.lms_event_logs where source = ${source} and untold and status <> 'held') as pending`;
}
