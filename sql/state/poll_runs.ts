import { z } from "zod";
import { float8, int4, int8, neverNull } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const PollIdRow = z.object({ poll_id: int8 });
export type PollIdRow = z.infer<typeof PollIdRow>;

export const insertPollRun = (sql: Queryable, source: string, holder: string, mode: string) =>
  sql<PollIdRow[]>`
    insert into lmsmon.poll_runs (source, holder, mode, started_at) values (${source}, ${holder}, ${mode}, clock_timestamp())
    returning poll_id`;

/** What a batch wrote, added in the batch's own transaction: a poll whose process dies still has the right counts. */
export const addToPollRun = (
  sql: Queryable,
  pollId: string,
  add: { changed: number; events: number; toTell: number; rewrittenToTell: number; quarantined: number },
) =>
  sql`
    update lmsmon.poll_runs
       set rows_changed = rows_changed + ${add.changed}::bigint, events = events + ${add.events}::bigint,
           told_events = told_events + ${add.toTell}::bigint, told_revisions = told_revisions + ${add.rewrittenToTell}::bigint,
           quarantined = quarantined + ${add.quarantined}::bigint
     where poll_id = ${pollId}::bigint`;

/** Polls of a source that never came to an end. */
export const runningPolls = (sql: Queryable, source: string) =>
  sql<PollIdRow[]>`
    select poll_id from lmsmon.poll_runs where source = ${source} and delivery = 'undecided' order by poll_id`;

export const PollWeightRow = z.object({
  messages: neverNull(int4),
  recipients: neverNull(int4),
  told_events: neverNull(int4),
  told_revisions: neverNull(int4),
  told_reused: neverNull(int4),
});
export type PollWeightRow = z.infer<typeof PollWeightRow>;

/**
 * How much a poll would send. A recipient with n rows due at one time gets n messages up to `digestAbove`, else one digest;
 * rows that wait for a digest time are counted for that time. Rows without a mentor send nothing. `told_revisions` counts what
 * isRewritten (lib/model/event.ts) says: corrections, and attempts under row ids that were somebody else's (`reused`).
 */
export const pollWeight = (sql: Queryable, pollId: string, digestAbove: number) =>
  sql<PollWeightRow[]>`
    with undelivered as (
      select l.event_id, l.recipient, coalesce(l.reason = 'digest', false) as digest, l.next_attempt_at
        from lmsmon.lms_event_logs l
       where l.poll_id = ${pollId}::bigint and l.untold),
    per_message as (
      select recipient, count(*) as due from undelivered where recipient is not null
       group by recipient, digest, case when digest then next_attempt_at end)
    select
      (select coalesce(sum(case when due <= ${digestAbove}::bigint then due else 1 end), 0) from per_message)::int as messages,
      (select count(distinct recipient) from undelivered)::int as recipients,
      (select count(distinct event_id) from undelivered)::int as told_events,
      rewritten.told_revisions, rewritten.told_reused
      from (
        select count(*)::int as told_revisions, (count(*) filter (where e.change = 'reused'))::int as told_reused
          from lmsmon.lms_activity_events e
         where e.event_id in (select event_id from undelivered) and e.change in ('verdict', 'score', 'reused')) rewritten`;

export interface PollEnd {
  readonly status: "done" | "failed" | "abandoned";
  readonly delivery: "open" | "held";
  readonly reason: string | null;
  readonly error: string | null;
}

export const endPollRun = (sql: Queryable, pollId: string, end: PollEnd) =>
  sql<PollIdRow[]>`
    update lmsmon.poll_runs
       set status = ${end.status}, delivery = ${end.delivery}, delivery_reason = ${end.reason}, error = ${end.error},
           finished_at = clock_timestamp()
     where poll_id = ${pollId}::bigint and delivery = 'undecided'
    returning poll_id`;

export const setPollCounts = (
  sql: Queryable,
  pollId: string,
  counts: {
    rowsRead: number;
    rowsMissing: number;
    regressions: number;
    skippedFullPass: boolean;
    unreadableTexts: number;
  },
) =>
  sql`
    update lmsmon.poll_runs
       set rows_read = ${counts.rowsRead}::bigint, rows_missing = ${counts.rowsMissing}::bigint,
           regressions = ${counts.regressions}::bigint, skipped_full_pass = ${counts.skippedFullPass}::boolean,
           unreadable_texts = ${counts.unreadableTexts}::bigint
     where poll_id = ${pollId}::bigint`;

export const holdPollLogs = (sql: Queryable, pollId: string) =>
  sql`
    update lmsmon.lms_event_logs set status = 'held', reason = 'fuse'
     where poll_id = ${pollId}::bigint and untold and status <> 'held'`;

/** A round of deliveries that looked while the poll was undecided may have put the recipient to sleep: wake it. */
export const wakeRecipientsOfPoll = (sql: Queryable, pollId: string) =>
  sql`
    insert into lmsmon.recipients as old (source, recipient, next_due_at)
    select l.source, l.recipient, min(l.next_attempt_at)
      from lmsmon.lms_event_logs l
     where l.poll_id = ${pollId}::bigint and l.untold and l.status <> 'held'
       and l.recipient is not null
     group by l.source, l.recipient
     order by l.source, l.recipient
    on conflict (source, recipient) do update set next_due_at = least(old.next_due_at, excluded.next_due_at)
     where old.next_due_at is null or old.next_due_at > excluded.next_due_at`;

export const OutageNowRow = z.object({ outage_ms: neverNull(float8) });
export type OutageNowRow = z.infer<typeof OutageNowRow>;

/** How long polls have been failing, since the last one that did not: what is found now is so late. */
export const outageUntilNow = (sql: Queryable, source: string) =>
  sql<OutageNowRow[]>`
    select coalesce(extract(epoch from clock_timestamp() - min(f.started_at)) * 1000, 0)::float8 as outage_ms
      from lmsmon.poll_runs f
     where f.source = ${source} and f.status = 'failed' and f.poll_id > coalesce((
       select max(d.poll_id) from lmsmon.poll_runs d where d.source = ${source} and d.status = 'done'), 0)`;
