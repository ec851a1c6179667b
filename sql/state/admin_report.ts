import { z } from "zod";
import type { EpochMicros } from "../../lib/model/time.ts";
import { int4, neverNull, timestamptz } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const NewestRow = z.object({ newest_at: timestamptz.nullable() });
export type NewestRow = z.infer<typeof NewestRow>;

/** When the newest thing that is known of the LMS happened there. */
export function newestOccurrence(sql: Queryable, source: string) {
  return sql<NewestRow[]>`
    select max(timestamp) as newest_at from lmsmon.lms_activity_events where source = ${source}`;
}

export const ReportRow = z.object({
  events: neverNull(int4),
  messages: neverNull(int4),
  dead: neverNull(int4),
  waiting: neverNull(int4),
  without_account: neverNull(int4),
  quarantined: neverNull(int4),
  failed_polls: neverNull(int4),
});
export type ReportRow = z.infer<typeof ReportRow>;

/** A day in numbers. */
export function reportNumbers(sql: Queryable, source: string, since: EpochMicros, until: EpochMicros) {
  return sql<ReportRow[]>`
    select
      (select count(*)::int from lmsmon.lms_activity_events
        where source = ${source} and created_at >= ${since}::timestamptz and created_at < ${until}::timestamptz) as events,
      (select count(*)::int from lmsmon.messages
        where source = ${source} and state = 'sent' and kind in ('single', 'digest', 'weekly')
          and finished_at >= ${since}::timestamptz and finished_at < ${until}::timestamptz) as messages,
      (select count(*)::int from lmsmon.lms_event_logs
        where source = ${source} and status = 'dead'
          and processed_at >= ${since}::timestamptz and processed_at < ${until}::timestamptz) as dead,
      (select count(*)::int from lmsmon.lms_event_logs where source = ${source} and untold) as waiting,
      (select count(*)::int from lmsmon.user_links
        where source = ${source} and role = 'mentor' and zulip_user_id is null) as without_account,
      (select count(*)::int from lmsmon.quarantine q join lmsmon.streams s using (stream_id) where s.source = ${source}) as quarantined,
      (select count(*)::int from lmsmon.poll_runs
        where source = ${source} and status = 'failed'
          and started_at >= ${since}::timestamptz and started_at < ${until}::timestamptz) as failed_polls`;
}
