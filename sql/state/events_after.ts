import type { Queryable } from "./queryable.ts";

export interface EventLine {
  event_id: string;
  event_type: string;
  origin: string;
  student: string;
  title: string;
  score: string | null;
}

/** Events with their people, for a person who watches them come in (demo). */
export const eventsAfter = (sql: Queryable, source: string, after: string, limit: number) =>
  sql<EventLine[]>`
    select e.event_id, e.event_type, e.origin,
           coalesce(p.name, p.username, 'student ' || e.student_id, 'unknown student') as student,
           coalesce(e.activity_title, e.kind || ' ' || e.activity_id, 'unknown ' || e.kind) as title,
           (e.activity_metadata ->> 'score') || coalesce('/' || (e.activity_metadata ->> 'score_max'), '') as score
    from lmsmon.lms_activity_events e
    left join lmsmon.people p on p.source = e.source and p.role = 'student' and p.id = e.student_id
    where e.source = ${source} and e.event_id > ${after}::bigint and e.origin = 'live'
    order by e.event_id limit ${limit}::int`;

export interface StateTotals {
  events: number;
  live: number;
  told: number;
  sent: number;
  waiting: number;
  other: number;
}

export const stateTotals = (sql: Queryable, source: string) =>
  sql<StateTotals[]>`
    select (select count(*)::int from lmsmon.lms_activity_events where source = ${source}) as events,
           (select count(*)::int from lmsmon.lms_activity_events where source = ${source} and origin = 'live') as live,
           count(*)::int as told,
           count(*) filter (where status = 'sent')::int as sent,
           count(*) filter (where status in ('waiting', 'pending', 'sending', 'unknown'))::int as waiting,
           count(*) filter (where status in ('held', 'suppressed', 'dead'))::int as other
    from lmsmon.lms_event_logs where source = ${source}`;
