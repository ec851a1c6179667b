import { z } from "zod";
import { bool, int8, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const OvertakenRow = z.object({
  event_id: neverNull(int8),
  recipient: neverNull(text),
  /** To this recipient (by whichever of two mentors with one account), or is being told. */
  told: neverNull(bool),
});
export type OvertakenRow = z.infer<typeof OvertakenRow>;

/**
 * Those of the given finishes of which a later report was told, or is still to be. The row's state names its last event, from
 * which the chain of `supersedes` leads back; for most that is the finish itself, and nothing more is read. Every look is lateral
 * with `offset 0`: an index probe each.
 */
export const overtakenRows = (sql: Queryable, eventIds: readonly string[], recipients: readonly string[]) =>
  sql<OvertakenRow[]>`
    with recursive later as (
      select x.event_id, x.recipient, r.last_event_id as later_id, 1 as depth
        from unnest(${eventIds as string[]}::bigint[], ${recipients as string[]}::text[]) as x(event_id, recipient)
       cross join lateral (
         select v.source, v.kind, v.attempt_id, v.incarnation from lmsmon.lms_activity_events v
          where v.event_id = x.event_id and v.stage = 'finished' offset 0) e
        join lmsmon.streams s on s.source = e.source and s.kind = e.kind
       cross join lateral (
         select y.incarnation, y.last_event_id from lmsmon.row_states y
          where y.stream_id = s.stream_id and y.row_key = e.attempt_id offset 0) r
       where r.incarnation = e.incarnation and r.last_event_id > x.event_id
      union all
      select l.event_id, l.recipient, e.supersedes, l.depth + 1
        from later l
       cross join lateral (
         select (v.activity_metadata->>'supersedes')::bigint as supersedes from lmsmon.lms_activity_events v
          where v.event_id = l.later_id offset 0) e
       where e.supersedes > l.event_id and l.depth < 50)
    select l.event_id, l.recipient,
           coalesce(bool_or(g.recipient = l.recipient and (g.message_id is not null or g.reason = 'duplicate')), false) as told
      from later l
     cross join lateral (
       select o.recipient, o.status, o.reason, o.message_id from lmsmon.lms_event_logs o where o.event_id = l.later_id offset 0) g
     where g.status not in ('suppressed', 'dead', 'held') or g.recipient = l.recipient and g.reason = 'duplicate'
     group by l.event_id, l.recipient`;
