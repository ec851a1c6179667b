import { z } from "zod";
import { int4, int8, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const EventAfterRow = z.object({
  event_id: int8,
  event_type: text,
  origin: text,
  student: neverNull(text),
  title: neverNull(text),
  score: text.nullable(),
});
export type EventAfterRow = z.infer<typeof EventAfterRow>;

/** Events with their people, for a person who watches them come in (demo). */
export const eventsAfter = (sql: Queryable, source: string, after: string, limit: number) =>
  sql<EventAfterRow[]>`
    select e.event_id, e.event_type, e.origin,
           coalesce(p.name, p.username, 'student ' || e.student_id, 'unknown student') as student,
           coalesce(e.activity_title, e.kind || ' ' || e.activity_id, 'unknown ' || e.kind) as title,
           (e.activity_metadata ->> 'score') || coalesce('/' || (e.activity_metadata ->> 'score_max'), '') as score
    from lmsmon.lms_activity_events e
    left join lmsmon.people p on p.source = e.source and p.role = 'student' and p.id = e.student_id
    where e.source = ${source} and e.event_id > ${after}::bigint and e.origin = 'live'
    order by e.event_id limit ${limit}::int`;

export const StateTotalsRow = z.object({
  events: neverNull(int4),
  live: neverNull(int4),
  told: neverNull(int4),
  sent: neverNull(int4),
  waiting: neverNull(int4),
  other: neverNull(int4),
});
export type StateTotalsRow = z.infer<typeof StateTotalsRow>;

export const stateTotals = (sql: Queryable, source: string) =>
  sql<StateTotalsRow[]>`
    select (select count(*)::int from lmsmon.lms_activity_events where source = ${source}) as events,
           (select count(*)::int from lmsmon.lms_activity_events where source = ${source} and origin = 'live') as live,
           count(*)::int as told,
           count(*) filter (where status = 'sent')::int as sent,
           count(*) filter (where status in ('waiting', 'pending', 'sending', 'unknown'))::int as waiting,
           count(*) filter (where status in ('held', 'suppressed', 'dead'))::int as other
    from lmsmon.lms_event_logs where source = ${source}`;
