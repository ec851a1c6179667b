import { z } from "zod";
import { int4, int8, neverNull, text, timestamptz } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const HeldPollRow = z.object({
  poll_id: int8,
  source: text,
  started_at: timestamptz,
  reason: text.nullable(),
  events: neverNull(int4),
  recipients: neverNull(int4),
  rewritten: neverNull(int4),
  without_mentor: neverNull(int4),
});
export type HeldPollRow = z.infer<typeof HeldPollRow>;

export const heldPolls = (sql: Queryable, source: string) =>
  sql<HeldPollRow[]>`
    select p.poll_id, p.source, p.started_at, p.delivery_reason as reason,
      count(distinct l.event_id)::int as events, count(distinct l.recipient)::int as recipients,
      (count(distinct l.event_id) filter (where e.change in ('verdict', 'score', 'reused')))::int as rewritten,
      (count(*) filter (where l.event_id is not null and l.recipient is null))::int as without_mentor
    from lmsmon.poll_runs p
    left join lmsmon.lms_event_logs l on l.poll_id = p.poll_id and l.untold and l.status = 'held'
    left join lmsmon.lms_activity_events e on e.event_id = l.event_id
   where p.source = ${source} and p.delivery = 'held'
   group by p.poll_id
   order by p.poll_id`;

export const EndedHoldRow = z.object({ poll_id: int8 });
export type EndedHoldRow = z.infer<typeof EndedHoldRow>;

/** The other end of 'held'; no row when the poll is not held (any more). */
export const endHold = (
  sql: Queryable,
  source: string,
  pollId: string,
  delivery: "open" | "dropped",
  reason: string | null,
) =>
  sql<EndedHoldRow[]>`
    update lmsmon.poll_runs set delivery = ${delivery}, delivery_reason = coalesce(${reason}::text, delivery_reason)
     where poll_id = ${pollId}::bigint and source = ${source} and delivery = 'held'
    returning poll_id`;

/** Due now; an event that still has no mentor goes back to waiting for one. */
export const releaseLogs = (sql: Queryable, pollId: string) =>
  sql`
    update lmsmon.lms_event_logs
       set status = case when recipient is null then 'waiting' else 'pending' end,
           reason = case when recipient is null then 'no_mentor' end,
           next_attempt_at = clock_timestamp()
     where poll_id = ${pollId}::bigint and untold and status = 'held'`;

export const dropLogs = (sql: Queryable, pollId: string, reason: string) =>
  sql`
    update lmsmon.lms_event_logs
       set status = 'suppressed', reason = ${reason}, processed_at = clock_timestamp(), next_attempt_at = null
     where poll_id = ${pollId}::bigint and untold and status = 'held'`;
