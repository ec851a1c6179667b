import { z } from "zod";
import { bool, int4, int8, jsonb, neverNull, text, timestamptz } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const StreamStatsRow = z.object({
  source: text,
  kind: text,
  first_contact_completed_at: timestamptz.nullable(),
  last_full_pass_at: timestamptz.nullable(),
  rows: neverNull(text),
  open: neverNull(text),
  quarantined: neverNull(text),
  log_overtaken: int4,
});
export type StreamStatsRow = z.infer<typeof StreamStatsRow>;

export const streamStats = (sql: Queryable) =>
  sql<StreamStatsRow[]>`
    select s.source, s.kind, s.first_contact_completed_at, s.last_full_pass_at, s.log_overtaken,
           coalesce((select sum(row_count) from lmsmon.row_buckets b where b.stream_id = s.stream_id), 0)::text as rows,
           (select count(*)::text from lmsmon.row_states r where r.stream_id = s.stream_id and r.is_open) as open,
           ((select count(*) from lmsmon.quarantine q where q.stream_id = s.stream_id)
             + (select count(*) from lmsmon.quarantined_keys k where k.stream_id = s.stream_id))::text as quarantined
    from lmsmon.streams s order by s.source, s.kind`;

export const EventStatsRow = z.object({
  source: text,
  event_type: text,
  events: neverNull(text),
  unprocessed: neverNull(text),
  suppressed: neverNull(text),
});
export type EventStatsRow = z.infer<typeof EventStatsRow>;

export const eventStats = (sql: Queryable) =>
  sql<EventStatsRow[]>`
    select source, event_type, count(*)::text as events,
           (count(*) filter (where not processed_for_ai))::text as unprocessed,
           (count(*) filter (where suppressed_reason is not null))::text as suppressed
    from lmsmon.lms_activity_events group by source, event_type order by source, event_type`;

export const DeliveryStatsRow = z.object({
  source: text,
  status: text,
  reason: text.nullable(),
  deliveries: neverNull(text),
  oldest_at: neverNull(timestamptz),
  /** When the first of them is looked at again. */
  next_at: timestamptz.nullable(),
});
export type DeliveryStatsRow = z.infer<typeof DeliveryStatsRow>;

export const deliveryStats = (sql: Queryable) =>
  sql<DeliveryStatsRow[]>`
    select source, status, reason, count(*)::text as deliveries, min(created_at) as oldest_at,
           min(next_attempt_at) filter (where untold and status <> 'held') as next_at
    from lmsmon.lms_event_logs group by source, status, reason order by source, status, reason nulls first`;

export const PollStatsRow = z.object({
  poll_id: int8,
  source: text,
  mode: text,
  status: text,
  delivery: text,
  delivery_reason: text.nullable(),
  started_at: timestamptz,
  finished_at: timestamptz.nullable(),
  events: neverNull(text),
  unreadable_texts: neverNull(text),
  error: text.nullable(),
});
export type PollStatsRow = z.infer<typeof PollStatsRow>;

/** The last poll of each source, and every poll whose messages are held. */
export const pollStats = (sql: Queryable) =>
  sql<PollStatsRow[]>`
    select poll_id, source, mode, status, delivery, delivery_reason, started_at, finished_at, events::text,
           unreadable_texts::text, error
    from lmsmon.poll_runs
    where delivery = 'held'
       or poll_id in (select max(poll_id) from lmsmon.poll_runs where mode <> 'weekly' group by source)
    order by poll_id`;

export const QuarantineStatsRow = z.object({
  source: text,
  kind: text,
  reason: neverNull(text),
  rows: neverNull(text),
  /** The LMS's own key of one of them. */
  example: neverNull(text),
  first_seen: neverNull(timestamptz),
});
export type QuarantineStatsRow = z.infer<typeof QuarantineStatsRow>;

export const quarantineStats = (sql: Queryable) =>
  sql<QuarantineStatsRow[]>`
    select s.source, s.kind, q.reason, sum(q.rows)::text as rows,
           coalesce(min(lmsmon.lms_key(q.row_key)), min(q.odd_key)) as example, min(q.first_seen) as first_seen
    from (select stream_id, reason, count(*) as rows, min(row_key) as row_key, null as odd_key, min(first_seen) as first_seen
            from lmsmon.quarantine group by 1, 2
          union all
          select stream_id, reason, count(*), null, min(row_key), min(first_seen) from lmsmon.quarantined_keys group by 1, 2) q
    join lmsmon.streams s using (stream_id)
    group by s.source, s.kind, q.reason order by sum(q.rows) desc limit 50`;

export const LeaseStatsRow = z.object({
  source: text,
  holder: text,
  expires_at: timestamptz,
  valid: neverNull(bool),
});
export type LeaseStatsRow = z.infer<typeof LeaseStatsRow>;

export const leaseStats = (sql: Queryable) =>
  sql<LeaseStatsRow[]>`
    select source, holder, expires_at, expires_at > clock_timestamp() as valid from lmsmon.leases order by source`;

export const PassStatsRow = z.object({ source: text, value: jsonb });
export type PassStatsRow = z.infer<typeof PassStatsRow>;

/** What a full pass of each source costs, where one was measured. */
export const passStats = (sql: Queryable) =>
  sql<PassStatsRow[]>`
    select source, value from lmsmon.facts where name = 'full_pass_cost' order by source`;
