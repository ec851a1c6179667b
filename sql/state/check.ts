import { z } from "zod";
import { int4, int8, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const ReadableRow = z.object({ rows: neverNull(int8), signs: neverNull(int8) });
export type ReadableRow = z.infer<typeof ReadableRow>;

/** Reads every value of a table, also those that are kept apart from their row. Fails where the disk lost one. */
export const readWhole = (sql: Queryable, table: string) =>
  sql<ReadableRow[]>`
    select count(*) as rows, coalesce(sum(length(x::text)), 0)::bigint as signs from ${sql(`lmsmon.${table}`)} x`;

export const StreamSumsRow = z.object({
  source: text,
  kind: text,
  states: neverNull(int8),
  in_buckets: neverNull(int8),
  states_xor: neverNull(int8),
  buckets_xor: neverNull(int8),
});
export type StreamSumsRow = z.infer<typeof StreamSumsRow>;

/** What is remembered of rows, beside the sums that full passes compare with the LMS: equal, or rows would be overlooked. */
export const streamSums = (sql: Queryable) =>
  sql<StreamSumsRow[]>`
    select s.source, s.kind, r.states, b.in_buckets, r.states_xor, b.buckets_xor
      from lmsmon.streams s
     cross join lateral (
       select count(*) as states, coalesce(bit_xor(t.hash), 0) as states_xor from lmsmon.row_states t
        where t.stream_id = s.stream_id and t.hash is not null and t.recipe = s.recipe) r
     cross join lateral (
       select coalesce(sum(k.row_count), 0)::bigint as in_buckets, coalesce(bit_xor(k.hash_xor), 0) as buckets_xor
         from lmsmon.row_buckets k where k.stream_id = s.stream_id) b
     order by 1, 2`;

export const OddityRow = z.object({ what: neverNull(text), rows: neverNull(int4) });
export type OddityRow = z.infer<typeof OddityRow>;

/** What no constraint forbids and nothing ever writes. */
export const oddities = (sql: Queryable) =>
  sql<OddityRow[]>`
    select 'deliveries whose message is not there' as what, count(*)::int as rows from lmsmon.lms_event_logs l
     where l.message_id is not null and not exists (select from lmsmon.messages m where m.message_id = l.message_id)
    union all
    select 'deliveries still to be told whose event is not there', count(*)::int from lmsmon.lms_event_logs l
     where l.untold and not exists (select from lmsmon.lms_activity_events e where e.event_id = l.event_id)
    union all
    select 'deliveries still to be told that no recipient is woken for', count(*)::int from lmsmon.lms_event_logs l
     where l.untold and l.recipient is not null and l.status <> 'held'
       and not exists (select from lmsmon.recipients r where r.source = l.source and r.recipient = l.recipient)
    union all
    select 'events that are told to nobody without a reason', count(*)::int from lmsmon.lms_activity_events e
     where e.suppressed_reason is null
       and not exists (select from lmsmon.lms_event_logs l where l.event_id = e.event_id)
    union all
    select 'events whose poll is not there', count(*)::int from lmsmon.lms_activity_events e
     where not exists (select from lmsmon.poll_runs p where p.poll_id = e.poll_id)`;
