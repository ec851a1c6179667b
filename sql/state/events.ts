import { z } from "zod";
import { bool, int4, int8, neverNull, text, timestamptz } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

/** Decimal ids with commas between them. */
export const EventIdsRow = z.object({ ids: neverNull(text) });
export type EventIdsRow = z.infer<typeof EventIdsRow>;

/** A block of `count` > 0 event ids, ascending. Call it under lockEventOrder only. */
export const takeEventIds = (sql: Queryable, count: number) =>
  sql<EventIdsRow[]>`
    select string_agg(id::text, ',' order by id) as ids
      from (select nextval('lmsmon.event_ids') as id from generate_series(1, ${count}::int)) as taken`;

export const SupersededEventRow = z.object({ event_id: int8, timestamp: timestamptz, timestamp_approximate: bool });
export type SupersededEventRow = z.infer<typeof SupersededEventRow>;

/** Those of the events that are finishes: where the finish was of a type that is not monitored, the last event is the start. */
export const supersededEvents = (sql: Queryable, ids: string) =>
  sql<SupersededEventRow[]>`
    select event_id, timestamp, timestamp_approximate from lmsmon.lms_activity_events
     where event_id = any(${ids}::bigint[]) and stage = 'finished'`;

/** `attempts`: `<row id>/<incarnation>`, with commas between them. */
export const EarlierAttemptsRow = z.object({ position: neverNull(int4), attempts: neverNull(text) });
export type EarlierAttemptsRow = z.infer<typeof EarlierAttemptsRow>;

/** Array literals of one length. */
interface TriesWanted {
  readonly source: string;
  readonly kind: string;
  readonly positions: string;
  readonly students: string;
  readonly activities: string;
  readonly attempts: string;
}

/**
 * Earlier attempts of the same student at the same activity: those under a lower row id. `offset 0` keeps it an index probe per
 * row: joined whole, 2,000 rows took 8 s while the table had no statistics yet.
 */
export const earlierAttempts = (sql: Queryable, of: TriesWanted) =>
  sql<EarlierAttemptsRow[]>`
    select u.position, string_agg(distinct e.attempt_id || '/' || e.incarnation, ',') as attempts
      from unnest(${of.positions}::int[], ${of.students}::bigint[], ${of.activities}::bigint[], ${of.attempts}::bigint[])
        as u (position, student_id, activity_id, attempt_id)
     cross join lateral (
       select e.attempt_id, e.incarnation from lmsmon.lms_activity_events e
        where e.student_id = u.student_id and e.activity_id = u.activity_id and e.attempt_id < u.attempt_id
          and e.source = ${of.source} and e.kind = ${of.kind} offset 0) e
     group by u.position`;

/** The same for row ids that the LMS used again, which say nothing of the order: attempts with an older event. */
export const attemptsBeforeReused = (sql: Queryable, of: TriesWanted & { readonly incarnations: string }) =>
  sql<EarlierAttemptsRow[]>`
    select u.position, string_agg(distinct e.attempt_id || '/' || e.incarnation, ',') as attempts
      from unnest(${of.positions}::int[], ${of.students}::bigint[], ${of.activities}::bigint[], ${of.attempts}::bigint[],
        ${of.incarnations}::int[]) as u (position, student_id, activity_id, attempt_id, incarnation)
     cross join lateral (
       select min(o.event_id) as event_id from lmsmon.lms_activity_events o
        where o.student_id = u.student_id and o.activity_id = u.activity_id and o.source = ${of.source}
          and o.kind = ${of.kind} and o.attempt_id = u.attempt_id and o.incarnation = u.incarnation offset 0) own
     cross join lateral (
       select e.attempt_id, e.incarnation from lmsmon.lms_activity_events e
        where e.student_id = u.student_id and e.activity_id = u.activity_id and e.source = ${of.source} and e.kind = ${of.kind}
          and (own.event_id is null or e.event_id < own.event_id) offset 0) e
     group by u.position`;

export const AttemptIdentityRow = z.object({
  event_id: int8,
  student_id: int8.nullable(),
  activity_id: int8.nullable(),
});
export type AttemptIdentityRow = z.infer<typeof AttemptIdentityRow>;

/** Whose attempts the given events tell of, and at what. */
export const attemptIdentities = (sql: Queryable, ids: string) =>
  sql<AttemptIdentityRow[]>`
    select event_id, student_id, activity_id from lmsmon.lms_activity_events where event_id = any(${ids}::bigint[])`;

/** event_id, then columns in the order of `eventValues` in lib/poll/record/event_values.ts, as array literals. */
export const insertEvents = (sql: Queryable, columns: readonly string[]) => {
  const c = (i: number) => columns[i] ?? null;
  return sql`
    insert into lmsmon.lms_activity_events (event_id, source, kind, event_type, stage, attempt_id, incarnation, revision, student_id,
      student_username, mentor_id, mentor_username, mentor_set_id, activity_id, activity_title, attempt_no, course_id, course,
      chapter_id, chapter, content_type, student_batch_ids, activity_metadata, timestamp, timestamp_approximate, origin, change,
      suppressed_reason, mentor_grace_until, poll_id, created_at, zulip_user_id, attempt_pseudonym)
    select u.event_id, u.source, u.kind, u.event_type, u.stage, u.attempt_id, u.incarnation, u.revision, u.student_id, u.student_username,
      u.mentor_id, u.mentor_username, u.mentor_set_id, u.activity_id, u.activity_title, u.attempt_no, u.course_id, u.course,
      u.chapter_id, u.chapter, u.content_type, u.student_batch_ids::bigint[], u.activity_metadata::jsonb, u.timestamp,
      u.timestamp_approximate, u.origin, u.change, u.suppressed_reason, u.mentor_grace_until, u.poll_id, u.created_at,
      u.zulip_user_id, u.attempt_pseudonym
    from unnest(${c(0)}::bigint[], ${c(1)}::text[], ${c(2)}::text[], ${c(3)}::text[], ${c(4)}::text[], ${
    c(5)
  }::bigint[],
      ${c(6)}::int[], ${c(7)}::int[], ${c(8)}::bigint[], ${c(9)}::text[], ${c(10)}::bigint[], ${c(11)}::text[],
      ${c(12)}::bigint[], ${c(13)}::bigint[], ${c(14)}::text[], ${c(15)}::int[], ${c(16)}::bigint[], ${c(17)}::text[],
      ${c(18)}::bigint[], ${c(19)}::text[], ${c(20)}::text[], ${c(21)}::text[], ${c(22)}::text[], ${
    c(23)
  }::timestamptz[],
      ${c(24)}::boolean[], ${c(25)}::text[], ${c(26)}::text[], ${c(27)}::text[], ${c(28)}::timestamptz[], ${
    c(29)
  }::bigint[],
      ${c(30)}::timestamptz[], ${c(31)}::bigint[], ${c(32)}::text[])
      as u (event_id, source, kind, event_type, stage, attempt_id, incarnation, revision, student_id, student_username, mentor_id,
        mentor_username, mentor_set_id, activity_id, activity_title, attempt_no, course_id, course, chapter_id, chapter,
        content_type, student_batch_ids, activity_metadata, timestamp, timestamp_approximate, origin, change,
        suppressed_reason, mentor_grace_until, poll_id, created_at, zulip_user_id, attempt_pseudonym)`;
};

export const copyEvents = (sql: Queryable) =>
  sql`
    copy lmsmon.lms_activity_events (event_id, source, kind, event_type, stage, attempt_id, incarnation, revision, student_id,
      student_username, mentor_id, mentor_username, mentor_set_id, activity_id, activity_title, attempt_no, course_id, course,
      chapter_id, chapter, content_type, student_batch_ids, activity_metadata, timestamp, timestamp_approximate, origin, change,
      suppressed_reason, mentor_grace_until, poll_id, created_at, zulip_user_id, attempt_pseudonym) from stdin`;
