import type { EpochMicros } from "../../lib/model/time.ts";
import { z } from "zod";
import { bool, float8, int4, int8, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const UnfinishedMessageRow = z.object({
  message_id: int8,
  recipient: text,
  kind: z.enum(["single", "digest", "admin", "test", "weekly"]),
  zulip_user_id: int8.nullable(),
  channel: text.nullable(),
  topic: text.nullable(),
  content: text,
  state: z.enum(["pending", "sending", "unknown"]),
  attempts: int4,
  unclear_tries: int4,
  redirected: bool,
  /** How long ago its last send began, by the database's clock. */
  started_ms_ago: float8.nullable(),
  look_up_us: int8.nullable(),
  next_attempt_us: int8.nullable(),
  rows: neverNull(int4),
  /** When the oldest of its events was detected. */
  detected_us: int8.nullable(),
  /** It named somebody who was erased: it is taken apart, never sent again. */
  erased: bool,
});
export type UnfinishedMessageRow = z.infer<typeof UnfinishedMessageRow>;

/** The messages under way of the given recipients, oldest first, at most `perRecipient` of each. */
export function unfinishedMessages(
  sql: Queryable,
  source: string,
  recipients: readonly string[],
  perRecipient: number,
) {
  return sql<UnfinishedMessageRow[]>`
    select m.message_id, m.recipient, m.kind, m.zulip_user_id, m.channel, m.topic, m.content, m.state, m.attempts,
           m.crashes as unclear_tries,
           m.redirected, m.erased,
           (extract(epoch from clock_timestamp() - m.started_at) * 1000)::float8 as started_ms_ago,
           (extract(epoch from m.look_up_at) * 1000000)::bigint as look_up_us,
           (extract(epoch from m.next_attempt_at) * 1000000)::bigint as next_attempt_us,
           (select count(*)::int from lmsmon.lms_event_logs l where l.message_id = m.message_id) as rows,
           (select (extract(epoch from min(l.created_at)) * 1000000)::bigint
              from lmsmon.lms_event_logs l where l.message_id = m.message_id) as detected_us
      from lmsmon.messages m
     where m.message_id in (
       select x.message_id from (
         select o.message_id, row_number() over (partition by o.recipient order by o.message_id) as position
           from lmsmon.messages o
          where o.source = ${source} and o.recipient = any(${recipients as string[]}::text[])
            and o.state in ('pending', 'sending', 'unknown')) x
        where x.position <= ${perRecipient})
     order by m.recipient, m.message_id`;
}

export const ReservedIdRow = z.object({ message_id: neverNull(int8) });
export type ReservedIdRow = z.infer<typeof ReservedIdRow>;

export function reserveMessageIds(sql: Queryable, count: number) {
  return sql<ReservedIdRow[]>`
    select nextval('lmsmon.messages_message_id_seq') as message_id
      from generate_series(1, ${count}::int)`;
}

export interface NewMessage {
  readonly messageId: string;
  readonly recipient: string;
  readonly kind: "single" | "digest" | "admin" | "weekly";
  readonly userId: string | null;
  readonly channel: string | null;
  readonly topic: string | null;
  readonly content: string;
  /** Refusals that its rows already met in an earlier message. */
  readonly attempts: number;
  /** It goes to the person of a trial (notify.redirect_to), not to its recipient. */
  readonly redirected?: boolean;
  /** Its send begins with this very transaction: from here on it may be in Zulip. */
  readonly begun: boolean;
}

/** Messages with their content fixed; those not begun are due at `dueAt`. */
export function insertMessages(
  sql: Queryable,
  source: string,
  messages: readonly NewMessage[],
  holder: string,
  now: EpochMicros,
  dueAt: EpochMicros,
) {
  return sql`
    insert into lmsmon.messages
      (message_id, source, recipient, kind, zulip_user_id, channel, topic, content, attempts, created_at, state, claimed_by,
       started_at, next_attempt_at, redirected)
    overriding system value
    select x.message_id, ${source}, x.recipient, x.kind, x.user_id, x.channel, x.topic, x.content, x.attempts,
           ${now}::timestamptz, case when x.begun = 1 then 'sending' else 'pending' end, case when x.begun = 1 then ${holder}::text end,
           case when x.begun = 1 then clock_timestamp() end, case when x.begun = 0 then ${dueAt}::timestamptz end,
           x.redirected = 1
      from unnest(${messages.map((m) => m.messageId)}::bigint[], ${messages.map((m) => m.recipient)}::text[],
                  ${messages.map((m) => m.kind)}::text[], ${messages.map((m) => m.userId)}::bigint[],
                  ${messages.map((m) => m.channel)}::text[], ${messages.map((m) => m.topic)}::text[],
                  ${messages.map((m) => m.content)}::text[], ${messages.map((m) => m.attempts)}::int[],
                  ${messages.map((m) => m.begun ? 1 : 0)}::int[], ${messages.map((m) => m.redirected ? 1 : 0)}::int[])
        as x(message_id, recipient, kind, user_id, channel, topic, content, attempts, begun, redirected)`;
}

export const BegunSendRow = z.object({ message_id: int8 });
export type BegunSendRow = z.infer<typeof BegunSendRow>;

/**
 * Sends of these messages begin: from here on they may be in Zulip, whatever happens to this process. Answers those that
 * really were still to be sent and whose recipient is still held with the given token; the others are somebody else's.
 */
export function beginSends(
  sql: Queryable,
  source: string,
  messageIds: readonly string[],
  claim: { holder: string; recipients: readonly string[]; tokens: readonly string[] },
) {
  return sql<BegunSendRow[]>`
    with held as (
      select r.recipient from lmsmon.recipients r
        join unnest(${claim.recipients as string[]}::text[], ${claim
    .tokens as string[]}::bigint[]) as h(recipient, token)
          on r.recipient = h.recipient and r.claim_token = h.token
       where r.source = ${source} order by r.recipient for update of r),
    m as (
      update lmsmon.messages m set state = 'sending', claimed_by = ${claim.holder}, started_at = clock_timestamp(),
             next_attempt_at = null
        from held
       where m.message_id = any(${messageIds as string[]}::bigint[]) and m.state = 'pending' and m.source = ${source}
         and m.recipient = held.recipient and not m.erased
      returning m.message_id),
    l as (update lmsmon.lms_event_logs set status = 'sending' where message_id = any(array(select message_id from m)))
    select message_id from m`;
}

/** `started_at` goes back to null where the send provably never began and never was in doubt: it may be composed anew. */
export function giveBackMessages(
  sql: Queryable,
  holder: string | null,
  messageIds: readonly string[],
  nextAttemptAt: readonly EpochMicros[],
  unsent: readonly boolean[],
) {
  return sql`
    with m as (
      update lmsmon.messages m
         set state = 'pending', claimed_by = null, look_up_at = null, next_attempt_at = x.next_attempt_at,
             started_at = case when x.unsent = 1 then null else m.started_at end
        from unnest(${messageIds as string[]}::bigint[], ${nextAttemptAt as number[]}::timestamptz[],
                    ${unsent.map((flag) => flag ? 1 : 0)}::int[]) as x(message_id, next_attempt_at, unsent)
       where m.message_id = any(${messageIds as string[]}::bigint[]) and m.message_id = x.message_id
         and m.state in ('sending', 'unknown') and m.claimed_by is not distinct from ${holder}
      returning m.message_id)
    update lmsmon.lms_event_logs set status = 'pending' where message_id = any(array(select message_id from m))`;
}

/**
 * Zulip has them. True whoever holds the claim by now, so `holder` is null; only where the state may be another one by now, which
 * gives the same ids to other messages, they must still be in the hand that sent them.
 *
 * Rows are found by a list of ids, here and in the statements around: joined with messages, everything ever sent was read for each
 * group of outcomes, since by statistics of the time before the first message nothing has one. Not by a list of states that the
 * index of unfinished messages is made for: it would be read whole, with all that has left it since the last vacuum.
 */
export function markSent(
  sql: Queryable,
  messageIds: readonly string[],
  zulipIds: readonly string[],
  now: EpochMicros,
  holder: string | null = null,
) {
  const zulipId =
    sql`(${zulipIds as string[]}::bigint[])[array_position(${messageIds as string[]}::bigint[], message_id)]`;
  return sql`
    with m as (
      update lmsmon.messages
         set state = 'sent', reason = null, claimed_by = null, look_up_at = null, next_attempt_at = null,
             zulip_message_id = ${zulipId}, finished_at = ${now}::timestamptz
       where message_id = any(${messageIds as string[]}::bigint[]) and state <> 'sent' and state <> 'dead'
         and (${holder}::text is null or claimed_by = ${holder})
      returning message_id, redirected)
    update lmsmon.lms_event_logs
       set status = case when message_id = any(array(select message_id from m where redirected)) then 'suppressed' else 'sent' end,
           reason = case when message_id = any(array(select message_id from m where redirected)) then 'redirected' end, error_message = null, notification_message_id = ${zulipId},
           processed_at = ${now}::timestamptz
     where message_id = any(array(select message_id from m))`;
}

/** The outcome is not known: to be looked up by marker. The column `crashes` holds all unclear tries, timeouts too. */
export function markUnknown(
  sql: Queryable,
  holder: string | null,
  messageIds: readonly string[],
  lookUpAt: readonly EpochMicros[],
  towardsPoison: readonly boolean[],
  reason: string,
) {
  return sql`
    with m as (
      update lmsmon.messages m
         set state = 'unknown', claimed_by = null, look_up_at = x.look_up_at, reason = ${reason},
             crashes = m.crashes + x.towards_poison
        from unnest(${messageIds as string[]}::bigint[], ${lookUpAt as number[]}::timestamptz[],
                    ${towardsPoison.map((flag) => flag ? 1 : 0)}::int[]) as x(message_id, look_up_at, towards_poison)
       where m.message_id = any(${messageIds as string[]}::bigint[]) and m.message_id = x.message_id
         and m.state = 'sending' and (${holder}::text is null or m.claimed_by = ${holder})
      returning m.message_id)
    update lmsmon.lms_event_logs set status = 'unknown' where message_id = any(array(select message_id from m))`;
}

/** An answered refusal: tried again later. */
export function markRefused(
  sql: Queryable,
  holder: string | null,
  refusal: { messageId: string; nextAttemptAt: EpochMicros; error: string },
) {
  return sql`
    with m as (
      update lmsmon.messages set state = 'pending', claimed_by = null, attempts = attempts + 1, reason = ${refusal.error},
             next_attempt_at = ${refusal.nextAttemptAt}::timestamptz, started_at = null
       where message_id = ${refusal.messageId}::bigint and state = 'sending' and claimed_by = ${holder}
      returning message_id, attempts)
    update lmsmon.lms_event_logs l set status = 'pending', attempts = m.attempts, error_message = ${refusal.error}
      from m where l.message_id = m.message_id`;
}

export const DeadRow = z.object({ rows: neverNull(int8) });
export type DeadRow = z.infer<typeof DeadRow>;

export function markDead(
  sql: Queryable,
  holder: string | null,
  death: { messageId: string; reason: string; error: string; countAttempt: boolean; now: EpochMicros },
) {
  return sql<DeadRow[]>`
    with m as (
      update lmsmon.messages
         set state = 'dead', claimed_by = null, look_up_at = null, next_attempt_at = null, reason = ${death.reason},
             attempts = attempts + ${death.countAttempt ? 1 : 0}::int, finished_at = ${death.now}::timestamptz
       where message_id = ${death.messageId}::bigint and state in ('pending', 'sending', 'unknown')
         and claimed_by is not distinct from ${holder}
      returning message_id, attempts),
    l as (
      update lmsmon.lms_event_logs l
         set status = 'dead', reason = ${death.reason}, error_message = ${death.error}, attempts = m.attempts,
             processed_at = ${death.now}::timestamptz
        from m where l.message_id = m.message_id returning 1)
    select count(*) as rows from l`;
}

/**
 * Takes composed messages apart that were provably never sent, so that their rows can be composed anew. Messages are locked before
 * their rows, as everywhere.
 */
export function dissolveMessages(sql: Queryable, messageIds: readonly string[], now: EpochMicros) {
  return sql`
    with m as materialized (
      select message_id from lmsmon.messages
       where message_id = any(${messageIds as string[]}::bigint[]) and state = 'pending' and started_at is null
       order by message_id for update),
    l as (
      update lmsmon.lms_event_logs l
         set message_id = null, zulip_user_id = null, status = 'pending', next_attempt_at = least(l.next_attempt_at, ${now}::timestamptz)
        from m where l.message_id = m.message_id
      returning m.message_id)
    delete from lmsmon.messages m where m.message_id in (select message_id from l)`;
}

export const DissolvableRow = z.object({ message_id: int8, recipient: text });
export type DissolvableRow = z.infer<typeof DissolvableRow>;

/** Composed messages that wait without ever having been tried and that nobody holds. */
export function dissolvableMessages(sql: Queryable, source: string, limit: number) {
  return sql<DissolvableRow[]>`
    select m.message_id, m.recipient from lmsmon.messages m
      join lmsmon.recipients r on r.source = m.source and r.recipient = m.recipient
     where m.source = ${source} and m.state = 'pending' and m.started_at is null and m.attempts = 0
       and m.kind in ('single', 'digest', 'weekly') and (r.claim_expires_at is null or r.claim_expires_at < clock_timestamp())
     order by m.message_id limit ${limit}`;
}

export const MessageMarkerRow = z.object({ message_id: neverNull(int8), marker: neverNull(text) });
export type MessageMarkerRow = z.infer<typeof MessageMarkerRow>;

/** Markers of the given messages' rows. */
export function markersOfMessages(sql: Queryable, messageIds: readonly string[]) {
  return sql<MessageMarkerRow[]>`
    select message_id, marker from lmsmon.lms_event_logs
     where message_id = any(${messageIds as string[]}::bigint[]) and marker is not null`;
}
