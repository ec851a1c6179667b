import type { Queryable } from "./queryable.ts";

export interface FinishCounts {
  kind: string;
  event_type: string;
  /** First reports of a finish, and of how many different attempts: equal unless something was reported twice. */
  first_reports: number;
  attempts: number;
}

/** First reports of finishes by type; what a replay compares with its source. */
export const finishCounts = (sql: Queryable, source: string) =>
  sql<FinishCounts[]>`
    select kind, event_type, count(*)::int as first_reports, count(distinct attempt_id)::int as attempts
    from lmsmon.lms_activity_events
    where source = ${source} and stage = 'finished' and revision = 1
    group by kind, event_type order by kind, event_type`;

export interface DeliveryCount {
  status: string;
  reason: string | null;
  n: number;
}

/** Deliveries by state; polls still running count too. */
export const deliveryCounts = (sql: Queryable, source: string) =>
  sql<DeliveryCount[]>`
    select status, reason, count(*)::int as n from lmsmon.lms_event_logs
    where source = ${source} group by status, reason order by status, reason`;

export const startedCount = (sql: Queryable, source: string) =>
  sql<{ n: number }[]>`
    select count(*)::int as n from lmsmon.lms_activity_events where source = ${source} and stage = 'started'`;

export const firstContactDone = (sql: Queryable, source: string) =>
  sql<{ done: boolean }[]>`
    select count(*) = 2 and bool_and(first_contact_completed_at is not null) as done
    from lmsmon.streams where source = ${source}`;
