import { z } from "zod";
import type { EpochMicros } from "../../lib/model/time.ts";
import { int4, int8, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

/** What one batch took; `last`: the last row looked at, where the next one goes on, `null` when nothing is left. */
export const TakenRow = z.object({ taken: neverNull(int4), last: int8.nullable(), highest: int8.nullable() });
export type TakenRow = z.infer<typeof TakenRow>;

export interface RetentionBatch {
  readonly source: string;
  /** What is older goes. */
  readonly before: EpochMicros;
  /** Ids looked at: above it, up to the other. */
  readonly after: string;
  readonly upTo: string;
  /** So many rows are looked at. */
  readonly limit: number;
}

export const OldRangeRow = z.object({ after: int8.nullable(), up_to: int8.nullable() });
export type OldRangeRow = z.infer<typeof OldRangeRow>;

/** Between which ids old events lie that a consumer does not keep. The index of times is asked, as it answers for few old ones among many. */
export const oldEvents = (sql: Queryable, source: string, before: EpochMicros) =>
  sql<OldRangeRow[]>`
    select min(event_id) - 1 as after,
           least(max(event_id), (select min(acknowledged) from lmsmon.consumers),
                 (select max(event_id) - 1 from lmsmon.lms_activity_events)) as up_to
      from (select event_id from lmsmon.lms_activity_events
             where source = ${source} and created_at < ${before}::timestamptz offset 0) old`;

/** Between which ids messages with old texts lie. */
export const oldTexts = (sql: Queryable, source: string, before: EpochMicros) =>
  sql<OldRangeRow[]>`
    select min(message_id) - 1 as after, max(message_id) as up_to
      from (select message_id from lmsmon.messages
             where source = ${source} and state in ('sent', 'dead') and content <> ''
               and coalesce(finished_at, created_at) < ${before}::timestamptz offset 0) old`;

/**
 * Events go that were found before, are told or never will be, and were taken by every consumer. Never the newest one: its id says that
 * the state did not go back. What must know them afterwards: whose attempt a row is moves to its row state, markers stay with the
 * deliveries. Texts of messages that told of them go too, or an erasure would not find them any more. Deliveries are asked for by
 * `recipient`, too, since each of the two indexes by event holds only those with or those without one.
 */
export const takeEvents = (sql: Queryable, { source, before, after, upTo, limit }: RetentionBatch) =>
  sql<TakenRow[]>`
    with seen as materialized (
      select event_id, created_at, kind, attempt_id, incarnation, student_id, activity_id from lmsmon.lms_activity_events
       where source = ${source} and event_id > ${after}::bigint and event_id <= ${upTo}::bigint
       order by event_id limit ${limit}::int),
    old as materialized (
      select e.event_id, e.kind, e.attempt_id, e.incarnation, e.student_id, e.activity_id from seen e
       where e.created_at < ${before}::timestamptz
         and e.event_id <= all (select acknowledged from lmsmon.consumers)
         and e.event_id < (select max(event_id) from lmsmon.lms_activity_events)
         and not exists (select from lmsmon.lms_event_logs l
                          where l.event_id = e.event_id and l.recipient is not null and l.status not in ('sent', 'suppressed', 'dead'))
         and not exists (select from lmsmon.lms_event_logs l
                          where l.event_id = e.event_id and l.recipient is null and l.status not in ('sent', 'suppressed', 'dead'))),
    owners as (
      update lmsmon.row_states r set student_id = coalesce(r.student_id, o.student_id), activity_id = coalesce(r.activity_id, o.activity_id)
        from old o join lmsmon.streams s on s.source = ${source} and s.kind = o.kind
       where r.stream_id = s.stream_id and r.row_key = o.attempt_id and r.last_event_id = o.event_id and r.erased_student is null
         and (r.student_id is null or r.activity_id is null)),
    texts as (
      update lmsmon.messages m set content = ''
       where m.state in ('sent', 'dead') and m.content <> ''
         and m.message_id in (select l.message_id from old o join lmsmon.lms_event_logs l
                                on l.event_id = o.event_id and l.recipient is not null)),
    gone as (delete from lmsmon.lms_activity_events e using old o where e.event_id = o.event_id)
    select (select count(*)::int from old) as taken, (select max(event_id) from old) as highest, max(event_id) as last from seen`;

/** Letters go with the namings in them that were told before, or never will be; the texts of their messages, too. */
export const takeLetters = (sql: Queryable, { source, before, after, limit }: RetentionBatch) =>
  sql<TakenRow[]>`
    with old as materialized (
      select t.letter_id from lmsmon.letters t
       where t.source = ${source} and t.letter_id > ${after}::bigint and t.created_at < ${before}::timestamptz
         and not exists (select from lmsmon.lms_event_logs l
                          where l.event_id = t.letter_id and l.status not in ('sent', 'suppressed', 'dead'))
       order by t.letter_id limit ${limit}::int),
    texts as (
      update lmsmon.messages m set content = ''
       where m.state in ('sent', 'dead') and m.content <> ''
         and m.message_id in (select l.message_id from lmsmon.lms_event_logs l join old o on o.letter_id = l.event_id)),
    gone as (delete from lmsmon.letters t using old o where t.letter_id = o.letter_id)
    select count(*)::int as taken, null::bigint as highest, max(letter_id) as last from old`;

/** Texts of messages that were sent or given up; that they were stays. */
export const takeTexts = (sql: Queryable, { source, before, after, upTo, limit }: RetentionBatch) =>
  sql<TakenRow[]>`
    with seen as materialized (
      select message_id, state, content <> '' as is_there, coalesce(finished_at, created_at) as at from lmsmon.messages
       where source = ${source} and message_id > ${after}::bigint and message_id <= ${upTo}::bigint
       order by message_id limit ${limit}::int),
    old as materialized (
      select message_id from seen where state in ('sent', 'dead') and is_there and at < ${before}::timestamptz),
    gone as (update lmsmon.messages m set content = '' from old o where m.message_id = o.message_id)
    select (select count(*)::int from old) as taken, (select max(message_id) from old) as highest, max(message_id) as last from seen`;

/** Acts; under allowActsToChange only. */
export const takeActs = (sql: Queryable, { source, before, after, limit }: Omit<RetentionBatch, "upTo">) =>
  sql<TakenRow[]>`
    with old as materialized (
      select audit_id from lmsmon.audit
       where source = ${source} and audit_id > ${after}::bigint and at < ${before}::timestamptz
       order by audit_id limit ${limit}::int),
    gone as (delete from lmsmon.audit a using old o where a.audit_id = o.audit_id)
    select count(*)::int as taken, max(audit_id) as highest, max(audit_id) as last from old`;

export const OldActsRow = z.object({ acts: neverNull(int8) });
export type OldActsRow = z.infer<typeof OldActsRow>;

/** Whether the audit need be touched at all: to change it, it is locked. */
export const countOldActs = (sql: Queryable, source: string, before: EpochMicros) =>
  sql<OldActsRow[]>`select count(*) as acts from lmsmon.audit where source = ${source} and at < ${before}::timestamptz`;

export const KeptForConsumerRow = z.object({ name: text, events: neverNull(int8) });
export type KeptForConsumerRow = z.infer<typeof KeptForConsumerRow>;

/** Consumers for whom events are kept that are older than they should be. */
export const keptForConsumers = (sql: Queryable, source: string, before: EpochMicros) =>
  sql<KeptForConsumerRow[]>`
    select c.name, x.events from lmsmon.consumers c
     cross join lateral (select count(*) as events from lmsmon.lms_activity_events e
                          where e.source = ${source} and e.event_id > c.acknowledged and e.created_at < ${before}::timestamptz
                            and e.event_id < (select max(event_id) from lmsmon.lms_activity_events)) x
     where x.events > 0 order by c.name`;

export const LastRetentionRow = z.object({ source: text, value: neverNull(text) });
export type LastRetentionRow = z.infer<typeof LastRetentionRow>;

/** What was taken last, as JSON, of every source. */
export const lastRetentions = (sql: Queryable) =>
  sql<LastRetentionRow[]>`
    select source, value::text as value from lmsmon.facts where name = 'retention' order by source`;
