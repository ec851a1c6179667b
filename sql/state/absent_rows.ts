import type { EpochMicros } from "../../lib/model/time.ts";
import { z } from "zod";
import { bool, int4, int8, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

// An event's row is absent when it is missing from the LMS, or when the LMS keeps another attempt under its id by now. Every
// look at an event or a row state is lateral with `offset 0`: an index probe each, whatever the planner knows of the tables.

/** The row states (r) of events (e) that have one, and their streams (s). */
const rowsOf = (sql: Queryable, of: "u" | "l") =>
  sql`
    cross join lateral (
      select v.source, v.kind, v.attempt_id, v.incarnation from lmsmon.lms_activity_events v
       where v.event_id = ${of === "u" ? sql`u.event_id` : sql`l.event_id`} offset 0) e
     join lmsmon.streams s on s.source = e.source and s.kind = e.kind
    cross join lateral (
      select x.incarnation, x.missing_since, x.missing_at_pass from lmsmon.row_states x
       where x.stream_id = s.stream_id and x.row_key = e.attempt_id offset 0) r`;

/** Full passes that ended since a row is missing. What went missing before passes were counted: all of them. */
const passesSince = (sql: Queryable) => sql`s.full_passes - coalesce(r.missing_at_pass, 0)`;

export const AbsentRow = z.object({
  event_id: neverNull(int8),
  /** The row is another attempt's by now. */
  replaced: neverNull(bool),
  missing_us: int8.nullable(),
  passes: neverNull(int4),
});
export type AbsentRow = z.infer<typeof AbsentRow>;

/** Those of the given events whose row is absent. */
export const absentRows = (sql: Queryable, eventIds: readonly string[]) =>
  sql<AbsentRow[]>`
    select u.event_id, r.incarnation <> e.incarnation as replaced,
           (extract(epoch from r.missing_since) * 1000000)::bigint as missing_us, ${passesSince(sql)} as passes
      from unnest(${eventIds as string[]}::bigint[]) as u(event_id) ${rowsOf(sql, "u")}
     where r.missing_since is not null or r.incarnation <> e.incarnation`;

export const AbsentMessageRow = z.object({ message_id: neverNull(int8) });
export type AbsentMessageRow = z.infer<typeof AbsentMessageRow>;

/** Those of the given messages that tell of an event whose row is absent. */
export const messagesOfAbsentRows = (sql: Queryable, messageIds: readonly string[]) =>
  sql<AbsentMessageRow[]>`
    select distinct l.message_id from lmsmon.lms_event_logs l ${rowsOf(sql, "l")}
     where l.message_id = any(${messageIds as string[]}::bigint[])
       and (r.missing_since is not null or r.incarnation <> e.incarnation)`;

export const AwaitedRow = z.object({ recipient: text.nullable() });
export type AwaitedRow = z.infer<typeof AwaitedRow>;

/**
 * Makes deliveries due that wait for a missing row without need: it is there again, or it is over with it, being missing since
 * `goneBefore` or longer and for `passes` full passes, or being another attempt's. Answers whose they are.
 */
export const wakeAwaited = (
  sql: Queryable,
  source: string,
  now: EpochMicros,
  over: { readonly goneBefore: EpochMicros; readonly passes: number },
) =>
  sql<AwaitedRow[]>`
    with settled as materialized (
      select l.log_id from lmsmon.lms_event_logs l ${rowsOf(sql, "l")}
       where l.source = ${source} and l.untold and l.reason = 'row_missing' and l.next_attempt_at > ${now}::timestamptz
         and (r.missing_since is null or r.incarnation <> e.incarnation
              or (r.missing_since <= ${over.goneBefore}::timestamptz and ${passesSince(sql)} >= ${over.passes}::int)))
    update lmsmon.lms_event_logs l set next_attempt_at = ${now}::timestamptz
      from settled where l.log_id = settled.log_id and l.untold and l.reason = 'row_missing'
    returning l.recipient`;
