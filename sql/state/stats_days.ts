import { z } from "zod";
import type { EpochMicros } from "../../lib/model/time.ts";
import { float8, int4, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";
import { zoneWord } from "./zone_word.ts";

/** From `since` to before `until`, in days of `zone`. */
export interface Period {
  readonly since: EpochMicros;
  readonly until: EpochMicros;
  readonly zone: string;
}

export const EventDayRow = z.object({
  day: neverNull(text),
  source: text,
  event_type: text,
  events: neverNull(int4),
  not_told: neverNull(int4),
});
export type EventDayRow = z.infer<typeof EventDayRow>;

/** Events by the day on which they were found. */
export function eventsByDay(sql: Queryable, { since, until, zone }: Period) {
  return sql<EventDayRow[]>`
    select to_char(created_at at time zone ${
    zoneWord(zone)
  }::text, 'YYYY-MM-DD') as day, source, event_type, count(*)::int as events,
           (count(*) filter (where suppressed_reason is not null))::int as not_told
      from lmsmon.lms_activity_events where created_at >= ${since}::timestamptz and created_at < ${until}::timestamptz
     group by 1, 2, 3 order by 1, 2, 3`;
}

export const DeliveryDayRow = z.object({
  day: neverNull(text),
  source: text,
  event_type: neverNull(text),
  status: text,
  deliveries: neverNull(int4),
});
export type DeliveryDayRow = z.infer<typeof DeliveryDayRow>;

/** Deliveries by the day on which they ended. */
export function deliveriesByDay(sql: Queryable, { since, until, zone }: Period) {
  return sql<DeliveryDayRow[]>`
    select to_char(l.processed_at at time zone ${zoneWord(zone)}::text, 'YYYY-MM-DD') as day, l.source,
           coalesce(e.event_type, case when t.letter_id is not null then 'weekly' end) as event_type, l.status, count(*)::int as deliveries
      from lmsmon.lms_event_logs l
      left join lmsmon.lms_activity_events e on e.event_id = l.event_id
      left join lmsmon.letters t on t.letter_id = l.event_id
     where l.processed_at >= ${since}::timestamptz and l.processed_at < ${until}::timestamptz
       and (e.event_id is not null or t.letter_id is not null)
     group by 1, 2, 3, 4 order by 1, 2, 3, 4`;
}

export const MessageDayRow = z.object({
  day: neverNull(text),
  source: text,
  kind: text,
  messages: neverNull(int4),
  recipients: neverNull(int4),
});
export type MessageDayRow = z.infer<typeof MessageDayRow>;

/** Zulip messages by the day on which they were sent. */
export function messagesByDay(sql: Queryable, { since, until, zone }: Period) {
  return sql<MessageDayRow[]>`
    select to_char(finished_at at time zone ${
    zoneWord(zone)
  }::text, 'YYYY-MM-DD') as day, source, kind, count(*)::int as messages,
           count(distinct recipient)::int as recipients
      from lmsmon.messages
     where state = 'sent' and finished_at >= ${since}::timestamptz and finished_at < ${until}::timestamptz
     group by 1, 2, 3 order by 1, 2, 3`;
}

export const PassDayRow = z.object({
  source: text,
  full: neverNull(int4),
  skipped: neverNull(int4),
  quick: neverNull(int4),
  failed: neverNull(int4),
  /** Seconds between two full passes that ended well, on average and at most; null when there were not two. */
  mean_gap_s: float8.nullable(),
  longest_gap_s: float8.nullable(),
});
export type PassDayRow = z.infer<typeof PassDayRow>;

/** How polls went, and how often full passes came. */
export function passesInPeriod(sql: Queryable, { since, until }: Period) {
  return sql<PassDayRow[]>`
    select source, (count(*) filter (where is_full and not skipped_full_pass))::int as full,
           (count(*) filter (where skipped_full_pass and status = 'done'))::int as skipped,
           (count(*) filter (where mode = 'quick' and status = 'done' and not skipped_full_pass))::int as quick,
           (count(*) filter (where status = 'failed'))::int as failed,
           (avg(gap_s) filter (where is_full))::float8 as mean_gap_s, (max(gap_s) filter (where is_full))::float8 as longest_gap_s
      from (
        select source, mode, status, skipped_full_pass, mode = 'full' and status = 'done' as is_full,
               extract(epoch from started_at - lag(started_at) over (
                 partition by source, mode = 'full' and status = 'done' order by started_at)) as gap_s
          from lmsmon.poll_runs where started_at >= ${since}::timestamptz and started_at < ${until}::timestamptz) x
     group by source order by source`;
}

export const BacklogAgeRow = z.object({
  source: text,
  status: text,
  reason: text.nullable(),
  deliveries: neverNull(int4),
  under_an_hour: neverNull(int4),
  under_a_day: neverNull(int4),
  older: neverNull(int4),
  oldest_s: neverNull(float8),
});
export type BacklogAgeRow = z.infer<typeof BacklogAgeRow>;

/** What is still to be told, by reason, and for how long it has been there. */
export function backlogByAge(sql: Queryable, now: EpochMicros) {
  return sql<BacklogAgeRow[]>`
    select source, status, reason, count(*)::int as deliveries,
           (count(*) filter (where age < interval '1 hour'))::int as under_an_hour,
           (count(*) filter (where age >= interval '1 hour' and age < interval '1 day'))::int as under_a_day,
           (count(*) filter (where age >= interval '1 day'))::int as older, max(extract(epoch from age))::float8 as oldest_s
      from (
        select source, status, reason, ${now}::timestamptz - created_at as age from lmsmon.lms_event_logs
         where untold or (message_id is not null and status in ('pending', 'sending', 'unknown'))) x
     group by source, status, reason order by source, status, reason nulls first`;
}
