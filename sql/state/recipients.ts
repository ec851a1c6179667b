import type { EpochMicros } from "../../lib/model/time.ts";
import { z } from "zod";
import { int8, neverNull, text, timestamptz } from "./columns.ts";
import { isErased } from "./is_erased.ts";
import type { Queryable } from "./queryable.ts";

export const ClaimedRecipientRow = z.object({ recipient: text, claim_token: int8 });
export type ClaimedRecipientRow = z.infer<typeof ClaimedRecipientRow>;

/** Takes up to `limit` due recipients (of `only`) that nobody holds; claims run by the state database's clock. */
export function claimRecipients(
  sql: Queryable,
  claim: {
    source: string;
    holder: string;
    now: EpochMicros;
    ttlMs: number;
    limit: number;
    only: readonly string[] | null;
  },
) {
  const { source, holder, now, ttlMs, limit } = claim;
  const only = claim.only === null ? sql`` : sql`and r.recipient = any(${claim.only as string[]}::text[])`;
  return sql<ClaimedRecipientRow[]>`
    with due as materialized (
      select r.recipient from lmsmon.recipients r
       where r.source = ${source} and r.next_due_at <= ${now}::timestamptz ${only}
         and (r.claim_expires_at is null or r.claim_expires_at < clock_timestamp())
       order by r.next_due_at limit ${limit} for update skip locked)
    update lmsmon.recipients r
       set claimed_by = ${holder}, claim_token = r.claim_token + 1,
           claim_expires_at = clock_timestamp() + ${ttlMs}::float8 * interval '1 millisecond'
      from due where r.source = ${source} and r.recipient = due.recipient
    returning r.recipient, r.claim_token`;
}

export const RecipientWithExamRow = z.object({ recipient: neverNull(text) });
export type RecipientWithExamRow = z.infer<typeof RecipientWithExamRow>;

/** Due recipients that have an exam to be told, in the order in which they fell due. */
export function recipientsWithExams(sql: Queryable, source: string, now: EpochMicros, limit: number) {
  return sql<RecipientWithExamRow[]>`
    select l.recipient
      from lmsmon.lms_event_logs l join lmsmon.lms_activity_events e on e.event_id = l.event_id
     where l.source = ${source} and l.recipient is not null and l.untold and l.status <> 'held'
       and l.next_attempt_at <= ${now}::timestamptz
     group by l.recipient having bool_or(e.kind <> 'content')
     order by min(l.next_attempt_at) filter (where e.kind <> 'content'), l.recipient limit ${limit}`;
}

export const HeldRecipientRow = z.object({ recipient: text });
export type HeldRecipientRow = z.infer<typeof HeldRecipientRow>;

/** Locks those of the given recipients that are still held with the given tokens, in one order for all processes. */
export function lockHeldRecipients(
  sql: Queryable,
  source: string,
  recipients: readonly string[],
  tokens: readonly string[],
) {
  return sql<HeldRecipientRow[]>`
    select r.recipient from lmsmon.recipients r
      join unnest(${recipients as string[]}::text[], ${tokens as string[]}::bigint[]) as h(recipient, token)
        on r.recipient = h.recipient and r.claim_token = h.token
     where r.source = ${source} order by r.recipient for update of r`;
}

/**
 * For the rest of a transaction whose statements find their rows by ids: to the planner, reading the whole of a table of up to
 * 50,000 rows looks cheaper than 500 look-ups in an index, and would be done for each chunk. Where nothing but such a reading
 * is left (a CTE, a table without an index), it then looks so dear that the statement would be compiled first, for seconds: not that.
 */
export function preferIndexes(sql: Queryable) {
  return sql`
    select where set_config('enable_seqscan', 'off', true) is null or set_config('jit', 'off', true) is null`;
}

/**
 * Gives locked recipients back and works out when each is due again: while a message is under way, when that one goes on;
 * else when the earliest row may leave. Rows of a poll that has not ended yet are looked at again shortly.
 * Only after {@link lockHeldRecipients} in the same transaction, in a statement of its own: a statement that also waited for
 * the lock would not see rows that were added meanwhile, and would forget them.
 */
export function releaseRecipients(
  sql: Queryable,
  source: string,
  recipients: readonly string[],
  now: EpochMicros,
) {
  return sql`
    update lmsmon.recipients r
       set claimed_by = null, claim_expires_at = null, next_due_at = x.next_due_at
      from (
        select g.recipient, coalesce(m.due_at, l.due_at) as next_due_at
          from unnest(${recipients as string[]}::text[]) as g(recipient)
          left join (
            select m.recipient, case when count(*) filter (where m.state = 'unknown') > 0
                     then min(m.look_up_at) filter (where m.state = 'unknown')
                     else min(coalesce(m.next_attempt_at, ${now}::timestamptz)) end as due_at
              from lmsmon.messages m
             where m.source = ${source} and m.recipient = any(${recipients as string[]}::text[])
               and m.state in ('pending', 'sending', 'unknown')
             group by m.recipient) m on m.recipient = g.recipient
          left join (
            select l.recipient, min(case p.delivery when 'open' then l.next_attempt_at
                     else greatest(l.next_attempt_at, ${now}::timestamptz + interval '300 milliseconds') end) as due_at
              from lmsmon.lms_event_logs l join lmsmon.poll_runs p on p.poll_id = l.poll_id
             where l.source = ${source} and l.recipient = any(${recipients as string[]}::text[])
               and l.untold and l.status <> 'held' and p.delivery in ('open', 'undecided')
             group by l.recipient) l on l.recipient = g.recipient) x
     where r.source = ${source} and r.recipient = x.recipient`;
}

/**
 * Makes recipients due at the given times, or earlier when they already were; a mentor who was erased is none any more. Call it
 * beside erasures.
 */
export function wakeRecipients(
  sql: Queryable,
  source: string,
  recipients: readonly string[],
  dueAt: EpochMicros,
) {
  return sql`
    insert into lmsmon.recipients as r (source, recipient, next_due_at)
    select ${source}, recipient, ${dueAt}::timestamptz
      from (select distinct unnest(${recipients as string[]}::text[]) as recipient) x
     where not ${isErased(sql, source, "'mentor'", "substring(recipient from '^mentor:(-?[0-9]{1,19})$')::bigint")}
     order by recipient
    on conflict (source, recipient) do update set next_due_at = least(r.next_due_at, excluded.next_due_at)`;
}

/**
 * Finds deliveries whose recipient nobody would look at (rows released by the administrator, a state put together from
 * backups) and makes those recipients due. Cheap when there are none.
 */
export function wakeForgottenRecipients(sql: Queryable, source: string) {
  return sql`
    insert into lmsmon.recipients as r (source, recipient, next_due_at)
    select x.source, x.recipient, min(x.due_at)
      from (select l.source, l.recipient, min(l.next_attempt_at) as due_at
              from lmsmon.lms_event_logs l join lmsmon.poll_runs p on p.poll_id = l.poll_id
             where l.source = ${source} and l.recipient is not null and l.untold and l.status <> 'held'
               and p.delivery in ('open', 'undecided')
             group by l.source, l.recipient
            union all
            select m.source, m.recipient, case m.state when 'unknown' then m.look_up_at
                     else coalesce(m.next_attempt_at, m.created_at) end
              from lmsmon.messages m
             where m.source = ${source} and m.state in ('pending', 'sending', 'unknown')) x
      left join lmsmon.recipients q on q.source = x.source and q.recipient = x.recipient
     where q.recipient is null or (q.claimed_by is null and (q.next_due_at is null or q.next_due_at > x.due_at))
       and not exists (select from lmsmon.messages m where m.source = x.source and m.recipient = x.recipient
                          and m.state in ('pending', 'sending', 'unknown') and q.next_due_at is not null)
     group by x.source, x.recipient order by x.recipient
    on conflict (source, recipient) do update set next_due_at = least(r.next_due_at, excluded.next_due_at)`;
}

/**
 * A clock that was ahead and was set back left times that lie further ahead than any rule puts them: what is to leave at once is
 * due now, nothing gathers for longer than `gatherMs`, looks an unclear message up later than `lookUpMs`, or is claimed for longer
 * than `claimMs` (by the database's clock, as claims are); who is claimed was due.
 */
export function bringBackToNow(
  sql: Queryable,
  source: string,
  now: EpochMicros,
  longest: { readonly gatherMs: number; readonly lookUpMs: number; readonly claimMs: number },
) {
  const after = (ms: number) => sql`${now}::timestamptz + ${ms}::float8 * interval '1 millisecond'`;
  return sql`
    with due as (
      update lmsmon.lms_event_logs set next_attempt_at = ${now}::timestamptz
       where source = ${source} and untold and recipient is not null and message_id is null
         and (status = 'pending' and attempts = 0 and next_attempt_at > ${after(A_MOMENT_MS)}
              or status = 'waiting' and reason = 'gathering' and next_attempt_at > ${
    after(longest.gatherMs + A_MOMENT_MS)
  })),
    looked_up as (
      update lmsmon.messages set look_up_at = ${after(longest.lookUpMs)}
       where source = ${source} and state = 'unknown' and look_up_at > ${after(longest.lookUpMs + A_MOMENT_MS)})
    update lmsmon.recipients
       set claim_expires_at = least(claim_expires_at, clock_timestamp() + ${longest.claimMs}::float8 * interval '1 millisecond'),
           next_due_at = least(next_due_at, ${now}::timestamptz)
     where source = ${source} and claimed_by is not null
       and (next_due_at > ${after(A_MOMENT_MS)}
            or claim_expires_at > clock_timestamp() + ${
    longest.claimMs + A_MOMENT_MS
  }::float8 * interval '1 millisecond')`;
}

/** Clocks of two machines that deliver together may be so far apart. */
const A_MOMENT_MS = 5_000;

export const NextDueRow = z.object({ due_at: timestamptz.nullable() });
export type NextDueRow = z.infer<typeof NextDueRow>;

/** When the next recipient is due; `null` when nobody is. */
export function nextRecipientDue(sql: Queryable, source: string) {
  return sql<NextDueRow[]>`
    select min(due_at) as due_at from (
      (select next_due_at as due_at from lmsmon.recipients
        where source = ${source} and next_due_at is not null and claim_expires_at is null order by next_due_at limit 1)
      union all
      select greatest(next_due_at, claim_expires_at) from lmsmon.recipients
       where source = ${source} and next_due_at is not null and claim_expires_at is not null) x`;
}

export const DueRecipientRow = z.object({ recipient: text });
export type DueRecipientRow = z.infer<typeof DueRecipientRow>;

/** Recipients that are due, in the order in which they fell due. */
export function dueRecipients(sql: Queryable, source: string, now: EpochMicros, limit: number) {
  return sql<DueRecipientRow[]>`
    select recipient from lmsmon.recipients where source = ${source} and next_due_at <= ${now}::timestamptz
     order by next_due_at, recipient limit ${limit}`;
}
