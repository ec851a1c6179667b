import type { EpochMicros } from "../../lib/model/time.ts";
import { z } from "zod";
import { int4, int8, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const KnownMarkerRow = z.object({
  marker: neverNull(text),
  log_id: int8,
  recipient: neverNull(text),
  status: text,
  message_id: int8.nullable(),
});
export type KnownMarkerRow = z.infer<typeof KnownMarkerRow>;

/** What this state knows of the given markers, whatever source they belong to. */
export function knownMarkers(sql: Queryable, markers: readonly string[]) {
  return sql<KnownMarkerRow[]>`
    select marker, log_id, recipient, status, message_id from lmsmon.lms_event_logs
     where marker = any(${markers as string[]}::text[])`;
}

export const AlikeMarkerRow = z.object({ marker: neverNull(text) });
export type AlikeMarkerRow = z.infer<typeof AlikeMarkerRow>;

/** Those of the given markers that begin (five signs) like the marker of another delivery to their recipient. */
export function alikeMarkers(sql: Queryable, markers: readonly string[], recipients: readonly string[]) {
  return sql<AlikeMarkerRow[]>`
    select x.marker from unnest(${markers as string[]}::text[], ${recipients as string[]}::text[]) as x(marker, recipient)
     where (select true from lmsmon.lms_event_logs o
             where o.marker >= left(x.marker, 5) and o.marker < left(x.marker, 5) || '~'
               and o.marker <> x.marker and o.recipient = x.recipient limit 1)`;
}

export const BeginningRow = z.object({
  beginning: neverNull(text),
  log_id: int8,
  recipient: neverNull(text),
  status: text,
  message_id: int8.nullable(),
  zulip_message_id: int8.nullable(),
  account: int8.nullable(),
});
export type BeginningRow = z.infer<typeof BeginningRow>;

/**
 * The deliveries whose markers begin with the given five signs, with the message in Zulip where the state knows it, and the account
 * that the recipient has as far as the state knows.
 */
export function deliveriesBeginning(sql: Queryable, beginnings: readonly string[]) {
  return sql<BeginningRow[]>`
    select x.beginning, l.log_id, l.recipient, l.status, l.message_id, l.notification_message_id as zulip_message_id,
           coalesce(l.zulip_user_id, m.zulip_user_id, u.zulip_user_id) as account
      from unnest(${beginnings as string[]}::text[]) as x(beginning)
      join lmsmon.lms_event_logs l on l.marker >= x.beginning and l.marker < x.beginning || '~'
      left join lmsmon.messages m on m.message_id = l.message_id
      left join lmsmon.user_links u
        on u.source = l.source and u.role = 'mentor'
       and u.person_id = substring(l.recipient from '^mentor:(-?[0-9]{1,19})$')::bigint`;
}

export interface FoundMessage {
  /** Reserved id of the new row in lmsmon.messages. */
  readonly messageId: string;
  readonly zulipMessageId: string;
  readonly recipient: string;
  readonly userId: string | null;
  readonly channel: string | null;
  readonly topic: string | null;
  readonly content: string;
  readonly kind: "single" | "digest";
  /** It went to the person of a trial. */
  readonly redirected?: boolean;
}

/**
 * Messages that are in Zulip although this state did not send them (or forgot that it did). Their texts come from Zulip, which
 * forgets nobody: where somebody was erased nothing tells whom they name, so they are not kept. Call it beside erasures.
 */
export function insertFoundMessages(sql: Queryable, messages: readonly FoundMessage[], now: EpochMicros) {
  return sql`
    insert into lmsmon.messages
      (message_id, source, recipient, kind, zulip_user_id, channel, topic, content, state, zulip_message_id, created_at, finished_at,
       redirected)
    overriding system value
    select x.message_id, l.source, x.recipient, x.kind, x.user_id, x.channel, x.topic,
           case when exists (select from lmsmon.tombstones) then '(erased)' else x.content end, 'sent', x.zulip_id,
           ${now}::timestamptz, ${now}::timestamptz, x.redirected = 1
      from unnest(${messages.map((m) => m.messageId)}::bigint[], ${messages.map((m) => m.zulipMessageId)}::bigint[],
                  ${messages.map((m) => m.recipient)}::text[], ${messages.map((m) => m.userId)}::bigint[],
                  ${messages.map((m) => m.channel)}::text[], ${messages.map((m) => m.topic)}::text[],
                  ${messages.map((m) => m.content)}::text[], ${messages.map((m) => m.kind)}::text[],
                  ${messages.map((m) => m.redirected ? 1 : 0)}::int[])
        as x(message_id, zulip_id, recipient, user_id, channel, topic, content, kind, redirected)
     cross join lateral (select source from lmsmon.lms_event_logs where recipient = x.recipient limit 1) l`;
}

/** Marks rows that are in no message yet as told by the given messages. */
export function attachFoundRows(
  sql: Queryable,
  logIds: readonly string[],
  messageIds: readonly string[],
  now: EpochMicros,
) {
  return sql`
    update lmsmon.lms_event_logs l
       set message_id = x.message_id, status = case when m.redirected then 'suppressed' else 'sent' end,
           reason = case when m.redirected then 'redirected' end, error_message = null,
           notification_message_id = m.zulip_message_id, processed_at = ${now}::timestamptz,
           zulip_user_id = case when x.first and not m.redirected and not exists (
             select from lmsmon.lms_event_logs o where o.event_id = l.event_id and o.log_id <> l.log_id
                and o.zulip_user_id = m.zulip_user_id and o.status <> 'suppressed') then m.zulip_user_id end
      from (select u.log_id, u.message_id,
                   row_number() over (partition by r.event_id, n.zulip_user_id order by u.log_id) = 1 as first
              from unnest(${logIds as string[]}::bigint[], ${messageIds as string[]}::bigint[]) as u(log_id, message_id)
              join lmsmon.lms_event_logs r on r.log_id = u.log_id
              join lmsmon.messages n on n.message_id = u.message_id) x
      join lmsmon.messages m on m.message_id = x.message_id
     where l.log_id = x.log_id and l.message_id is null and l.status in ('waiting', 'pending', 'held')`;
}

/** Messages of this state that are in Zulip after all, those given up included. */
export function reviveFoundMessages(
  sql: Queryable,
  messageIds: readonly string[],
  zulipIds: readonly string[],
  now: EpochMicros,
) {
  return sql`
    with m as (
      update lmsmon.messages m
         set state = 'sent', zulip_message_id = x.zulip_id, reason = null, claimed_by = null, look_up_at = null,
             next_attempt_at = null, finished_at = ${now}::timestamptz
        from unnest(${messageIds as string[]}::bigint[], ${zulipIds as string[]}::bigint[]) as x(message_id, zulip_id)
       where m.message_id = x.message_id and m.state <> 'sent' returning m.message_id, m.zulip_message_id, m.redirected)
    update lmsmon.lms_event_logs l
       set status = case when m.redirected then 'suppressed' else 'sent' end, reason = case when m.redirected then 'redirected' end, error_message = null, notification_message_id = m.zulip_message_id,
           processed_at = ${now}::timestamptz
      from m where l.message_id = m.message_id`;
}

export const UntoldEventRow = z.object({
  event_id: int8,
  poll_id: int8,
  kind: z.enum(["exam", "assignment", "content"]),
  attempt_id: int8,
  incarnation: int4,
  student_id: int8.nullable(),
  activity_id: int8.nullable(),
  stage: z.enum(["started", "finished"]),
  revision: int4,
});
export type UntoldEventRow = z.infer<typeof UntoldEventRow>;

/** Events after the given one of which somebody is still to be told, in their order. */
export function untoldEvents(sql: Queryable, source: string, after: string, limit: number) {
  return sql<UntoldEventRow[]>`
    select e.event_id, e.poll_id, e.kind, e.attempt_id, e.incarnation, e.student_id, e.activity_id, e.stage, e.revision
      from (select distinct event_id from lmsmon.lms_event_logs
             where source = ${source} and untold and event_id > ${after}::bigint order by event_id limit ${limit}) l
      join lmsmon.lms_activity_events e on e.event_id = l.event_id order by e.event_id`;
}

export const ChannelRow = z.object({ channel: neverNull(text) });
export type ChannelRow = z.infer<typeof ChannelRow>;

/** Channels that messages made since then went to, of one source or (null) of all. */
export function channelsOfDeliveries(sql: Queryable, source: string | null, since: EpochMicros) {
  return sql<ChannelRow[]>`
    select distinct channel from lmsmon.messages
     where channel is not null and recipient >= 'channel:' and recipient < 'channel;' and created_at > ${since}::timestamptz
       and (${source}::text is null or source = ${source})
     order by channel`;
}

export const HeldPollReasonRow = z.object({ poll_id: int8, reason: text.nullable() });
export type HeldPollReasonRow = z.infer<typeof HeldPollReasonRow>;

/** Polls whose messages wait for the administrator. */
export function heldPollReasons(sql: Queryable, source: string) {
  return sql<HeldPollReasonRow[]>`
    select poll_id, delivery_reason as reason from lmsmon.poll_runs
     where source = ${source} and delivery = 'held' order by poll_id`;
}
