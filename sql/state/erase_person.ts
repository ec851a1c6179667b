import { z } from "zod";
import { bool, int8, neverNull, outerJoined, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";
import { standsIn } from "./stands_in.ts";

// The places where a person is, one statement each, in the order in which an erasure goes through them. All in one transaction,
// under lockErasures and lockEventOrder. Whoever adds a table with people adds its statement here, and its line to
// docs/privacy.md; tests/promises/erased_means_everywhere_test.ts searches the whole database.

/**
 * Who delivers locks recipients first, then messages, then their rows: an erasure does it in the same order, so that neither waits
 * for the other in a circle.
 */
export const lockRecipients = (sql: Queryable, source: string) =>
  sql`select from lmsmon.recipients where source = ${source} order by recipient for update`;

export const KnownNamesRow = z.object({ username: text.nullable(), email: text.nullable(), name: text.nullable() });
export type KnownNamesRow = z.infer<typeof KnownNamesRow>;

/** What texts may call the person. */
export const namesOf = (sql: Queryable, role: string, source: string, id: string) =>
  sql<KnownNamesRow[]>`
    select username, email, name from lmsmon.people where role = ${role} and source = ${source} and id = ${id}::bigint`;

export const NamingMessageRow = z.object({
  message_id: int8,
  state: text,
  content: text,
  kind: text,
  zulip_message_id: int8.nullable(),
});
export type NamingMessageRow = z.infer<typeof NamingMessageRow>;

/**
 * Messages that name the person: those that tell of the student's events, those that went to the mentor, and those in whose text
 * one of `names` stands. `alsoTold` is what stands before the names of others who were told: they may have had other names then.
 * `lock`: who only reads needs none.
 */
export const messagesNaming = (
  sql: Queryable,
  of: {
    readonly role: string;
    readonly source: string;
    readonly id: string;
    readonly names: readonly string[];
    readonly alsoTold: string;
  },
  lock: boolean,
) =>
  sql<NamingMessageRow[]>`
    select m.message_id, m.state, m.content, m.kind, m.zulip_message_id
      from lmsmon.messages m
     where m.source = ${of.source} and (
       m.message_id in (
         select l.message_id from lmsmon.lms_event_logs l join lmsmon.lms_activity_events e on e.event_id = l.event_id
          where ${of.role} = 'student' and e.source = ${of.source} and e.student_id = ${of.id}::bigint and l.message_id is not null)
       or m.message_id in (
         select l.message_id from lmsmon.lms_event_logs l join lmsmon.namings n on n.letter_id = l.event_id
          where ${of.role} = 'student' and l.source = ${of.source} and n.student_id = ${of.id}::bigint and l.message_id is not null)
       or (${of.role} = 'mentor' and m.recipient = 'mentor:' || ${of.id}::text)
       or (${of.role} = 'mentor' and strpos(lower(m.content), ${of.alsoTold}::text) > 0 and m.message_id in (
         select l.message_id from lmsmon.lms_event_logs own join lmsmon.lms_event_logs l on l.event_id = own.event_id
          where own.source = ${of.source} and own.recipient = 'mentor:' || ${of.id}::text
            and own.status not in ('suppressed', 'dead') and l.message_id is not null))
       or exists (select from unnest(${of.names as string[]}::text[]) as n (name) where ${
    standsIn(sql, sql`m.content`, sql`n.name`)
  }))
     order by m.message_id ${lock ? sql`for update of m` : sql``}`;

export const MessageIdRow = z.object({ message_id: int8 });
export type MessageIdRow = z.infer<typeof MessageIdRow>;

/** Of these messages those that tell of nobody but this student; what retention took away was perhaps somebody else's. */
export const messagesOfStudentAlone = (sql: Queryable, id: string, messageIds: readonly string[]) =>
  sql<MessageIdRow[]>`
    select m.message_id from lmsmon.messages m
     where m.message_id = any(${messageIds as string[]}::bigint[]) and m.kind in ('single', 'digest', 'weekly')
       and not exists (
         select from lmsmon.lms_event_logs l left join lmsmon.lms_activity_events e on e.event_id = l.event_id
          where l.message_id = m.message_id and e.student_id is distinct from ${id}::bigint
            and not exists (select from lmsmon.letters t where t.letter_id = l.event_id))
       and not exists (
         select from lmsmon.lms_event_logs l join lmsmon.namings n on n.letter_id = l.event_id
          where l.message_id = m.message_id and n.student_id <> ${id}::bigint and n.left_out is null)`;

export const OtherNameRow = z.object({ name: neverNull(text) });
export type OtherNameRow = z.infer<typeof OtherNameRow>;

/** What everybody else of the LMS is called. */
export const namesOfOthers = (sql: Queryable, role: string, source: string, id: string) =>
  sql<OtherNameRow[]>`
    select distinct name from lmsmon.people
     where source = ${source} and name <> '' and not (role = ${role} and id = ${id}::bigint)`;

/** Texts go; what may still arrive keeps the marks by which it is looked up, in `contents`. */
export const eraseTexts = (sql: Queryable, messageIds: readonly string[], contents: readonly string[]) =>
  sql`
    update lmsmon.messages m set content = x.content, erased = true
      from unnest(${messageIds as string[]}::bigint[], ${contents as string[]}::text[]) as x (message_id, content)
     where m.message_id = x.message_id`;

/** Deliveries of the student's events: nothing more is told of them. Those under way are marked, for when they come back. */
export const endStudentDeliveries = (sql: Queryable, source: string, id: string) =>
  sql`
    update lmsmon.lms_event_logs l
       set reason = 'erased',
           status = case when l.message_id is null and l.status in ('waiting', 'pending', 'held') then 'suppressed' else l.status end,
           processed_at = case when l.message_id is null then clock_timestamp() else l.processed_at end
      from lmsmon.lms_activity_events e
     where e.event_id = l.event_id and e.source = ${source} and e.student_id = ${id}::bigint
       and l.status not in ('sent', 'suppressed', 'dead')`;

/** The student's namings go. A letter that named nobody else ends like a delivery of the student's events; another is told without. */
export const eraseNamings = (sql: Queryable, source: string, id: string) =>
  sql`
    with gone as (
      delete from lmsmon.namings n using lmsmon.letters t
       where t.letter_id = n.letter_id and t.source = ${source} and n.student_id = ${id}::bigint returning n.letter_id)
    update lmsmon.lms_event_logs l
       set reason = 'erased',
           status = case when l.message_id is null and l.status in ('waiting', 'pending', 'held') then 'suppressed' else l.status end,
           processed_at = case when l.message_id is null then clock_timestamp() else l.processed_at end
     where l.event_id in (select letter_id from gone) and l.status not in ('sent', 'suppressed', 'dead')
       and not exists (select from lmsmon.namings n where n.letter_id = l.event_id and n.student_id <> ${id}::bigint)`;

/**
 * Takes apart messages that name an erased person and were not sent: rows of erased events end, the others are composed anew.
 * `messageIds`: null for all of the source that may be taken apart now.
 */
export const dissolveErased = (sql: Queryable, source: string, messageIds: readonly string[] | null) =>
  sql`
    with m as (
      select message_id, recipient from lmsmon.messages
       where source = ${source} and erased and state = 'pending' and claimed_by is null
         and (${messageIds as string[] | null}::bigint[] is null or message_id = any(${messageIds as
    | string[]
    | null}::bigint[]))
       for update),
    l as (
      update lmsmon.lms_event_logs l
         set message_id = null, zulip_user_id = null,
             status = case when l.reason = 'erased' then 'suppressed' else 'pending' end,
             next_attempt_at = clock_timestamp(),
             processed_at = case when l.reason = 'erased' then clock_timestamp() end
        from m where l.message_id = m.message_id
      returning m.message_id),
    r as (
      update lmsmon.recipients r set next_due_at = least(r.next_due_at, clock_timestamp())
        from (select distinct recipient from m) d where r.source = ${source} and r.recipient = d.recipient)
    delete from lmsmon.messages where message_id in (select message_id from m) and (select count(*) from l) >= 0`;

/** In the student's place the tombstone's hash, by which the row is known as the same attempt; results stay, nameless. */
export const eraseRowStates = (sql: Queryable, of: { source: string; id: string; pseudonym: string }) =>
  sql`
    update lmsmon.row_states r set student_id = null, erased_student = ${of.pseudonym}
      from lmsmon.streams s
     where s.stream_id = r.stream_id and s.source = ${of.source} and (r.student_id = ${of.id}::bigint
       or (r.student_id is null and r.erased_student is null and r.last_event_id in (
             select event_id from lmsmon.lms_activity_events where source = ${of.source} and student_id = ${of.id}::bigint)))`;

/** Events stay, without a student; what an attempt was before is not shown any more. */
export const eraseEvents = (sql: Queryable, source: string, id: string) =>
  sql`
    update lmsmon.lms_activity_events
       set student_id = null, student_username = null, zulip_user_id = null, student_batch_ids = null,
           activity_metadata = jsonb_set(activity_metadata, '{previous}', 'null')
     where source = ${source} and student_id = ${id}::bigint`;

export const erasePerson = (sql: Queryable, role: string, source: string, id: string) =>
  sql`
    with p as (delete from lmsmon.people where role = ${role} and source = ${source} and id = ${id}::bigint),
    u as (delete from lmsmon.user_links where role = ${role} and source = ${source} and person_id = ${id}::bigint),
    s as (delete from lmsmon.pauses where scope = ${role} and source = ${source} and subject_id = ${id}::bigint),
    n as (delete from lmsmon.enrolments where ${role} = 'student' and source = ${source} and student_id = ${id}::bigint),
    w as (delete from lmsmon.letters where ${role} = 'mentor' and source = ${source} and mentor_id = ${id}::bigint),
    t as (delete from lmsmon.patterns where ${role} = 'student' and source = ${source} and student_id = ${id}::bigint),
    x as (delete from lmsmon.exemptions where ${role} = 'student' and source = ${source} and student_id = ${id}::bigint)
    delete from lmsmon.mentor_links where ${role} = 'student' and source = ${source} and student_id = ${id}::bigint`;

/** A mentor's deliveries: what was sent stays counted, under the pseudonym; nothing more goes there, and nothing is looked up. */
export const eraseMentorDeliveries = (sql: Queryable, of: { source: string; id: string; pseudonym: string }) =>
  sql`
    with m as (
      update lmsmon.messages
         set recipient = 'erased:' || ${of.pseudonym}::text, zulip_user_id = 0, channel = null, topic = null, claimed_by = null,
             state = case when state = 'sent' then 'sent' else 'dead' end,
             reason = case when state = 'sent' then reason else 'erased' end,
             finished_at = coalesce(finished_at, clock_timestamp())
       where source = ${of.source} and recipient = 'mentor:' || ${of.id}::text returning message_id),
    l as (
      update lmsmon.lms_event_logs
         set recipient = 'erased:' || ${of.pseudonym}::text, zulip_user_id = null,
             status = case when status in ('sent', 'suppressed', 'dead') then status when message_id is null then 'suppressed' else 'dead' end,
             reason = case when status in ('sent', 'suppressed', 'dead') then reason else 'erased' end,
             processed_at = coalesce(processed_at, clock_timestamp())
       where source = ${of.source} and recipient = 'mentor:' || ${of.id}::text and (select count(*) from m) >= 0)
    delete from lmsmon.recipients where source = ${of.source} and recipient = 'mentor:' || ${of.id}::text`;

export const eraseMentorLinks = (sql: Queryable, source: string, id: string) =>
  sql`
    update lmsmon.mentor_links set mentor_ids = array_remove(mentor_ids, ${id}::bigint)
     where source = ${source} and ${id}::bigint = any(mentor_ids)`;

export const MentorSetRow = z.object({ mentor_set_id: int8, twin: outerJoined(int8), is_empty: neverNull(bool) });
export type MentorSetRow = z.infer<typeof MentorSetRow>;

/** Sets that the mentor is in; `twin`: the set that each would become without, where there is one already. */
export const mentorSetsWith = (sql: Queryable, source: string, id: string) =>
  sql<MentorSetRow[]>`
    select s.mentor_set_id, t.mentor_set_id as twin, cardinality(array_remove(s.mentor_ids, ${id}::bigint)) = 0 as is_empty
      from lmsmon.mentor_sets s
      left join lmsmon.mentor_sets t on t.source = s.source and t.mentor_ids = array_remove(s.mentor_ids, ${id}::bigint)
     where s.source = ${source} and ${id}::bigint = any(s.mentor_ids)`;

/** Events of one set get another, or none; the set goes. */
export const replaceMentorSet = (sql: Queryable, setId: string, twin: string | null) =>
  sql`
    with e as (update lmsmon.lms_activity_events set mentor_set_id = ${twin}::bigint where mentor_set_id = ${setId}::bigint),
    m as (delete from lmsmon.lms_activity_event_mentors where mentor_set_id = ${setId}::bigint)
    delete from lmsmon.mentor_sets where mentor_set_id = ${setId}::bigint`;

/** The set goes on without the mentor. */
export const shrinkMentorSet = (sql: Queryable, setId: string, id: string) =>
  sql`
    with s as (
      update lmsmon.mentor_sets s
         set mentor_ids = array_remove(s.mentor_ids, ${id}::bigint),
             export_json = (select concat('[', string_agg(concat('{"id":', lmsmon.export_id(i.id),
                              ',"username":null,"email":null}'), ',' order by i.position), ']')
                              from unnest(array_remove(s.mentor_ids, ${id}::bigint)) with ordinality as i (id, position))
       where s.mentor_set_id = ${setId}::bigint)
    delete from lmsmon.lms_activity_event_mentors where mentor_set_id = ${setId}::bigint and mentor_id = ${id}::bigint`;

export const EventsOfMentorRow = z.object({ events: neverNull(int8) });
export type EventsOfMentorRow = z.infer<typeof EventsOfMentorRow>;

/** Events that had the mentor, as the first or another one. */
export const eventsOfMentor = (sql: Queryable, source: string, id: string) =>
  sql<EventsOfMentorRow[]>`
    select count(*) as events from lmsmon.lms_activity_events
     where source = ${source} and (mentor_id = ${id}::bigint or mentor_set_id in (
       select mentor_set_id from lmsmon.mentor_sets where source = ${source} and ${id}::bigint = any(mentor_ids)))`;

export const eraseFirstMentor = (sql: Queryable, source: string, id: string) =>
  sql`
    update lmsmon.lms_activity_events set mentor_id = null, mentor_username = null
     where source = ${source} and mentor_id = ${id}::bigint`;

/** After an erasure: statistics hold values of rows that are gone. */
export const ERASED_TABLES = [
  "people",
  "user_links",
  "mentor_links",
  "mentor_sets",
  "lms_activity_event_mentors",
  "lms_activity_events",
  "lms_event_logs",
  "messages",
  "recipients",
  "poll_runs",
  "row_states",
  "enrolments",
  "exemptions",
  "patterns",
  "letters",
  "namings",
  "pauses",
  "lms_keys",
  "audit",
] as const;

export const analyzeTable = (sql: Queryable, table: (typeof ERASED_TABLES)[number]) =>
  sql`analyze lmsmon.${sql(table)}`;
export const rewriteTable = (sql: Queryable, table: (typeof ERASED_TABLES)[number]) =>
  sql`vacuum full lmsmon.${sql(table)}`;
export const rewriteStatistics = (sql: Queryable) => sql`vacuum full pg_catalog.pg_statistic`;
export const forgetRecycledLog = (sql: Queryable) => sql`set wal_recycle = off`;
export const switchLog = (sql: Queryable) => sql`select pg_switch_wal()`;
export const checkpoint = (sql: Queryable) => sql`checkpoint`;
