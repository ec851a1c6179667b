import { z } from "zod";
import type { EpochMicros } from "../../lib/model/time.ts";
import { bool, float8, int4, int8, neverNull, outerJoined, text, timestamptz } from "./columns.ts";
import { isErased } from "./is_erased.ts";
import type { Queryable } from "./queryable.ts";

// Writing: once a week, by whoever polls.

export const MentionRow = z.object({
  student_id: int8,
  course_id: int8,
  mentor_id: int8,
  day: neverNull(text),
  p: neverNull(float8),
});
export type MentionRow = z.infer<typeof MentionRow>;

/**
 * Who was named to whom before a day, or is about to be; not what ended without a message. `trial`: what was redirected (notify.redirect_to)
 * counts too.
 */
export const mentionsBefore = (sql: Queryable, source: string, day: string, trial: boolean) =>
  sql<MentionRow[]>`
    select n.student_id, n.course_id, t.mentor_id, t.day::text as day, n.p
      from lmsmon.letters t
      join lmsmon.namings n on n.letter_id = t.letter_id and n.about = 'call' and n.left_out is null and n.p is not null
      join lmsmon.lms_event_logs l on l.event_id = t.letter_id
     where t.source = ${source} and t.day < ${day}::date
       and (l.status not in ('suppressed', 'dead') or (${trial}::boolean and l.reason = 'redirected'))
     order by t.day, n.student_id, n.course_id, t.mentor_id`;

export const CameRow = z.object({
  mentor_id: int8,
  student_id: int8,
  course_id: int8,
  course: text.nullable(),
  pattern_ids: neverNull(z.array(int8)),
});
export type CameRow = z.infer<typeof CameRow>;

/** Missed deadlines that were told and are withdrawn since, which was not told yet. */
export const cameSinceTold = (sql: Queryable, source: string, trial: boolean) =>
  sql<CameRow[]>`
    with told as (
      select t.mentor_id, n.about, n.student_id, n.course_id, n.course, n.pattern_ids, t.day
        from lmsmon.letters t
        join lmsmon.namings n on n.letter_id = t.letter_id and n.left_out is null
        join lmsmon.lms_event_logs l on l.event_id = t.letter_id
       where t.source = ${source} and (
         case n.about when 'call' then l.status = 'sent' else l.status not in ('suppressed', 'dead') end
         or (${trial}::boolean and l.reason = 'redirected')))
    select o.mentor_id, o.student_id, o.course_id, (array_agg(o.course order by o.day desc))[1] as course,
           array_agg(distinct p.pattern_id order by p.pattern_id) as pattern_ids
      from told o
      join lmsmon.patterns p on p.pattern_id = any(o.pattern_ids) and p.type = 'deadline_missed' and p.withdrawn_day is not null
     where o.about = 'call' and not exists (
       select from told c where c.about = 'came' and c.mentor_id = o.mentor_id and p.pattern_id = any(c.pattern_ids))
     group by o.mentor_id, o.student_id, o.course_id
     order by o.mentor_id, o.student_id, o.course_id`;

export const KnownCourseRow = z.object({ course_id: int8 });
export type KnownCourseRow = z.infer<typeof KnownCourseRow>;

/** Courses that were evaluated on an earlier day: what the first evaluation finds is history, and told to nobody. */
export const coursesKnownBefore = (sql: Queryable, source: string, day: string) =>
  sql<KnownCourseRow[]>`
    select course_id from lmsmon.pattern_courses where source = ${source} and first_day < ${day}::date order by course_id`;

export const CandidateRow = z.object({
  student_id: neverNull(int8),
  username: text.nullable(),
  active: outerJoined(bool),
  batch_ids: outerJoined(z.array(int8)),
  mentor_ids: outerJoined(z.array(int8)),
  /** The mentors' Zulip accounts in the same order, 0 where none is known. */
  accounts: neverNull(z.array(int8)),
});
export type CandidateRow = z.infer<typeof CandidateRow>;

/** Students with their mentors as the LMS had them last. `students`: a bigint[] literal. */
export const candidates = (sql: Queryable, source: string, students: string) =>
  sql<CandidateRow[]>`
    select u.id as student_id, p.username, p.active, p.batch_ids, k.mentor_ids,
           array(
             select coalesce(a.zulip_user_id, 0) from unnest(k.mentor_ids) with ordinality as m (id, position)
               left join lmsmon.user_links a on a.source = ${source} and a.role = 'mentor' and a.person_id = m.id
              order by m.position) as accounts
      from unnest(${students}::bigint[]) as u (id)
      left join lmsmon.people p on p.source = ${source} and p.role = 'student' and p.id = u.id
      left join lmsmon.mentor_links k on k.source = ${source} and k.student_id = u.id
     order by u.id`;

export const NewLetterRow = z.object({ letter_id: int8, mentor_id: int8 });
export type NewLetterRow = z.infer<typeof NewLetterRow>;

/** A letter for each mentor that has none of that day and was not erased: under shareErasures. `mentors`: a bigint[] literal. */
export const insertLetters = (
  sql: Queryable,
  source: string,
  { mentors, day, judgedDay, now }: {
    readonly mentors: string;
    readonly day: string;
    readonly judgedDay: string;
    readonly now: EpochMicros;
  },
) =>
  sql<NewLetterRow[]>`
    insert into lmsmon.letters (letter_id, source, mentor_id, day, judged_day, created_at)
    select nextval('lmsmon.event_ids'), ${source}::text, m.id, ${day}::date, ${judgedDay}::date, ${now}::timestamptz
      from unnest(${mentors}::bigint[]) as m (id)
     where not ${isErased(sql, source, "'mentor'", "m.id")}
    on conflict on constraint letters_identity do nothing
    returning letter_id, mentor_id`;

/** Columns are array literals of one length; `reasons` and `patternIds`: JSON arrays. */
export interface NamingColumns {
  readonly letters: string;
  readonly abouts: string;
  readonly students: string;
  readonly courses: string;
  readonly positions: string;
  readonly ps: string;
  readonly titles: string;
  readonly reasons: string;
  readonly lastActives: string;
  readonly patternIds: string;
}

/** Nothing of who was erased: under shareErasures. */
export const insertNamings = (sql: Queryable, source: string, n: NamingColumns) =>
  sql`
    insert into lmsmon.namings (letter_id, about, student_id, course_id, position, p, course, reasons, last_active, pattern_ids)
    select u.letter_id, u.about, u.student_id, u.course_id, u.position, u.p, u.course,
           array(select jsonb_array_elements_text(u.reasons::jsonb)), u.last_active,
           array(select jsonb_array_elements_text(u.pattern_ids::jsonb)::bigint)
      from unnest(${n.letters}::bigint[], ${n.abouts}::text[], ${n.students}::bigint[], ${n.courses}::bigint[],
        ${n.positions}::int[], ${n.ps}::float8[], ${n.titles}::text[], ${n.reasons}::text[], ${n.lastActives}::date[],
        ${n.patternIds}::text[])
        as u (letter_id, about, student_id, course_id, position, p, course, reasons, last_active, pattern_ids)
     where not ${isErased(sql, source, "'student'", "u.student_id")}`;

/** The deliveries of letters; columns are array literals. */
export const insertLetterLogs = (
  sql: Queryable,
  source: string,
  { letters, recipients, markers, pollId, held, now }: {
    readonly letters: string;
    readonly recipients: string;
    readonly markers: string;
    readonly pollId: string;
    readonly held: boolean;
    readonly now: EpochMicros;
  },
) =>
  sql`
    insert into lmsmon.lms_event_logs (event_id, source, poll_id, recipient, marker, status, reason, next_attempt_at, created_at)
    select u.letter_id, ${source}::text, ${pollId}::bigint, u.recipient, u.marker,
           case when ${held}::boolean then 'held' else 'pending' end, case when ${held}::boolean then 'fuse' end,
           ${now}::timestamptz, ${now}::timestamptz
      from unnest(${letters}::bigint[], ${recipients}::text[], ${markers}::text[]) as u (letter_id, recipient, marker)
     order by u.letter_id
    on conflict (event_id, recipient) where recipient is not null do nothing`;

export const LetterRunRow = z.object({ poll_id: int8 });
export type LetterRunRow = z.infer<typeof LetterRunRow>;

/** The run that a week's letters hang on. `reason`: why the fuse holds them; `null`: they may leave. */
export const insertLetterRun = (
  sql: Queryable,
  source: string,
  holder: string,
  letters: number,
  reason: string | null,
) =>
  sql<LetterRunRow[]>`
    insert into lmsmon.poll_runs (source, holder, mode, status, delivery, delivery_reason, started_at, finished_at, told_events)
    values (${source}, ${holder}, 'weekly', 'done', case when ${reason}::text is null then 'open' else 'held' end, ${reason}::text,
            clock_timestamp(), clock_timestamp(), ${letters}::int)
    returning poll_id`;

// Telling.

export const DueLetterRow = z.object({
  log_id: int8,
  letter_id: int8,
  recipient: neverNull(text),
  mentor_id: int8,
  judged_day: neverNull(text),
  reason: text.nullable(),
  marker: neverNull(text),
  attempts: int4,
  created_us: neverNull(int8),
});
export type DueLetterRow = z.infer<typeof DueLetterRow>;

/** Letters that may leave now, the oldest first. */
export const dueLetters = (sql: Queryable, source: string, recipients: readonly string[], now: EpochMicros) =>
  sql<DueLetterRow[]>`
    select l.log_id, t.letter_id, l.recipient, t.mentor_id, t.judged_day::text as judged_day, l.reason, l.marker, l.attempts,
           (extract(epoch from l.created_at) * 1000000)::bigint as created_us
      from lmsmon.lms_event_logs l
      join lmsmon.letters t on t.letter_id = l.event_id
      join lmsmon.poll_runs p on p.poll_id = l.poll_id and p.delivery = 'open'
     where l.source = ${source} and l.recipient = any(${recipients as string[]}::text[]) and l.untold and l.status <> 'held'
       and l.next_attempt_at <= ${now}::timestamptz
     order by l.recipient, t.day, t.letter_id`;

export const NamingRow = z.object({
  letter_id: int8,
  about: z.enum(["call", "came"]),
  student_id: int8,
  course_id: int8,
  course: text.nullable(),
  reasons: z.array(text),
  last_active: text.nullable(),
  pattern_ids: z.array(int8),
});
export type NamingRow = z.infer<typeof NamingRow>;

/** Whom letters name, the most urgent first. */
export const namingsOf = (sql: Queryable, letterIds: readonly string[]) =>
  sql<NamingRow[]>`
    select letter_id, about, student_id, course_id, course, reasons, last_active::text as last_active, pattern_ids
      from lmsmon.namings where letter_id = any(${letterIds as string[]}::bigint[])
     order by letter_id, about, position, student_id, course_id`;

/** What the composed messages name, and why not all of it. */
export const noteLeftOut = (
  sql: Queryable,
  n: {
    readonly letterIds: readonly string[];
    readonly abouts: readonly string[];
    readonly students: readonly string[];
    readonly courses: readonly string[];
    readonly reasons: readonly (string | null)[];
  },
) =>
  sql`
    update lmsmon.namings n set left_out = x.reason
      from unnest(${n.letterIds as string[]}::bigint[], ${n.abouts as string[]}::text[], ${n
    .students as string[]}::bigint[],
                  ${n.courses as string[]}::bigint[], ${n.reasons as (string | null)[]}::text[])
           as x (letter_id, about, student_id, course_id, reason)
     where n.letter_id = x.letter_id and n.about = x.about and n.student_id = x.student_id and n.course_id = x.course_id
       and n.left_out is distinct from x.reason`;

export const LetterStudentRow = z.object({
  id: int8,
  username: text.nullable(),
  email: text.nullable(),
  name: text.nullable(),
  active: bool,
  batch_ids: z.array(int8),
});
export type LetterStudentRow = z.infer<typeof LetterStudentRow>;

export const letterStudents = (sql: Queryable, source: string, ids: readonly string[]) =>
  sql<LetterStudentRow[]>`
    select id, left(username, 300) as username, left(email, 320) as email, left(name, 300) as name, active, batch_ids
      from lmsmon.people where source = ${source} and role = 'student' and id = any(${ids as string[]}::bigint[])`;

// Explaining.

export const ToldLetterRow = z.object({
  day: neverNull(text),
  status: text,
  reason: text.nullable(),
  next_attempt_at: timestamptz.nullable(),
  processed_at: timestamptz.nullable(),
  zulip_message_id: int8.nullable(),
  students: neverNull(z.array(int8)),
});
export type ToldLetterRow = z.infer<typeof ToldLetterRow>;

/** A mentor's last weekly messages, the newest first, with whom each names. */
export const lettersOfMentor = (sql: Queryable, source: string, mentor: string, limit: number) =>
  sql<ToldLetterRow[]>`
    select t.day::text as day, l.status, l.reason, l.next_attempt_at, l.processed_at, l.notification_message_id as zulip_message_id,
           array(select distinct n.student_id from lmsmon.namings n where n.letter_id = t.letter_id and n.left_out is null
                  order by n.student_id) as students
      from lmsmon.letters t join lmsmon.lms_event_logs l on l.event_id = t.letter_id
     where t.source = ${source} and t.mentor_id = ${mentor}::bigint
     order by t.day desc limit ${limit}::int`;
