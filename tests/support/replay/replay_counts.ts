import { z } from "zod";
import { bool, int4, neverNull, text } from "../../../sql/state/columns.ts";
import type { Queryable } from "../../../sql/state/queryable.ts";

export const FinishCountRow = z.object({
  kind: text,
  event_type: text,
  /** First reports of a finish, and of how many different attempts: equal unless something was reported twice. */
  first_reports: neverNull(int4),
  attempts: neverNull(int4),
});
export type FinishCountRow = z.infer<typeof FinishCountRow>;

/** First reports of finishes by type; what a replay compares with its source. */
export const finishCounts = (sql: Queryable, source: string) =>
  sql<FinishCountRow[]>`
    select kind, event_type, count(*)::int as first_reports, count(distinct (attempt_id, incarnation))::int as attempts
    from lmsmon.lms_activity_events
    where source = ${source} and stage = 'finished' and revision = 1
    group by kind, event_type order by kind, event_type`;

export const DeliveryCountRow = z.object({ status: text, reason: text.nullable(), n: neverNull(int4) });
export type DeliveryCountRow = z.infer<typeof DeliveryCountRow>;

/** Deliveries by state; polls still running count too. */
export const deliveryCounts = (sql: Queryable, source: string) =>
  sql<DeliveryCountRow[]>`
    select status, reason, count(*)::int as n from lmsmon.lms_event_logs
    where source = ${source} group by status, reason order by status, reason`;

export const StartedCountRow = z.object({ n: neverNull(int4) });
export type StartedCountRow = z.infer<typeof StartedCountRow>;

export const startedCount = (sql: Queryable, source: string) =>
  sql<StartedCountRow[]>`
    select count(*)::int as n from lmsmon.lms_activity_events where source = ${source} and stage = 'started'`;

export const FirstContactDoneRow = z.object({ done: neverNull(bool) });
export type FirstContactDoneRow = z.infer<typeof FirstContactDoneRow>;

export const firstContactDone = (sql: Queryable, source: string) =>
  sql<FirstContactDoneRow[]>`
    select count(*) = 2 and bool_and(first_contact_completed_at is not null) as done
    from lmsmon.streams where source = ${source}`;
