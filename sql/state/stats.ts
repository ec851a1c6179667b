import type { Queryable } from "./queryable.ts";

export interface StreamStats {
  source: string;
  kind: string;
  first_contact_completed_at: Temporal.Instant | null;
  last_full_pass_at: Temporal.Instant | null;
  rows: string;
  open: string;
  quarantined: string;
}

export const streamStats = (sql: Queryable) =>
  sql<StreamStats[]>`
    select s.source, s.kind, s.first_contact_completed_at, s.last_full_pass_at,
           coalesce((select sum(row_count) from lmsmon.row_buckets b where b.stream_id = s.stream_id), 0)::text as rows,
           (select count(*)::text from lmsmon.row_states r where r.stream_id = s.stream_id and r.is_open) as open,
           (select count(*)::text from lmsmon.quarantine q where q.stream_id = s.stream_id) as quarantined
    from lmsmon.streams s order by s.source, s.kind`;

export interface EventStats {
  source: string;
  event_type: string;
  events: string;
  unprocessed: string;
  suppressed: string;
}

export const eventStats = (sql: Queryable) =>
  sql<EventStats[]>`
    select source, event_type, count(*)::text as events,
           (count(*) filter (where not processed_for_ai))::text as unprocessed,
           (count(*) filter (where suppressed_reason is not null))::text as suppressed
    from lmsmon.lms_activity_events group by source, event_type order by source, event_type`;

export interface DeliveryStats {
  source: string;
  status: string;
  reason: string | null;
  deliveries: string;
  oldest_at: Temporal.Instant;
}

export const deliveryStats = (sql: Queryable) =>
  sql<DeliveryStats[]>`
    select source, status, reason, count(*)::text as deliveries, min(created_at) as oldest_at
    from lmsmon.lms_event_logs group by source, status, reason order by source, status, reason nulls first`;

export interface PollStats {
  poll_id: string;
  source: string;
  mode: string;
  status: string;
  delivery: string;
  delivery_reason: string | null;
  started_at: Temporal.Instant;
  finished_at: Temporal.Instant | null;
  events: string;
  error: string | null;
}

/** The last poll of each source, and every poll whose messages are held. */
export const pollStats = (sql: Queryable) =>
  sql<PollStats[]>`
    select poll_id, source, mode, status, delivery, delivery_reason, started_at, finished_at, events::text, error
    from lmsmon.poll_runs
    where delivery = 'held'
       or poll_id in (select max(poll_id) from lmsmon.poll_runs group by source)
    order by poll_id`;

export interface QuarantineStats {
  source: string;
  kind: string;
  reason: string;
  rows: string;
  first_seen: Temporal.Instant;
}

export const quarantineStats = (sql: Queryable) =>
  sql<QuarantineStats[]>`
    select s.source, s.kind, q.reason, count(*)::text as rows, min(q.first_seen) as first_seen
    from lmsmon.quarantine q join lmsmon.streams s using (stream_id)
    group by s.source, s.kind, q.reason order by count(*) desc limit 50`;

export interface LeaseStats {
  source: string;
  holder: string;
  expires_at: Temporal.Instant;
  held: boolean;
}

export const leaseStats = (sql: Queryable) =>
  sql<LeaseStats[]>`
    select source, holder, expires_at, expires_at > clock_timestamp() as held from lmsmon.leases order by source`;
