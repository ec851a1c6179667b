import { z } from "zod";
import { bool, int4, int8, jsonb, neverNull, outerJoined, text, timestamptz } from "./columns.ts";
import { type CourseDay, courseDay } from "./course_day.ts";
import { isErased } from "./is_erased.ts";
import type { Queryable } from "./queryable.ts";

/** What patterns are judged by, of one student in one course on a day. Lists are oldest first. */
export const PatternFactRow = z.object({
  course_id: neverNull(int8),
  student_id: neverNull(int8),
  /** Days since the last activity; null: never active. */
  idle_days: int4.nullable(),
  last_event_id: outerJoined(int8),
  /** Days since joining; null: nobody says. */
  here_days: int4.nullable(),
  /** Activity days of the last fortnight, and of the four before it, the newest first. */
  days_1: neverNull(int4),
  days_2: neverNull(int4),
  days_3: neverNull(int4),
  days_4: neverNull(int4),
  days_5: neverNull(int4),
  /** Exams due 48 hours ago or longer that were not handed in, and how many days ago each was due. */
  missed_ids: neverNull(z.array(int8)),
  missed_days_ago: neverNull(z.array(int8)),
  /** The last five marked exams that can be ranked: event, rank in millionths, days ago. */
  mark_event_ids: neverNull(z.array(int8)),
  mark_ranks: neverNull(z.array(int8)),
  mark_days_ago: neverNull(z.array(int8)),
});
export type PatternFactRow = z.infer<typeof PatternFactRow>;

/** `passed`: ISO time; what was due is held against a pass over all rows that ended by then. */
export function patternFacts(sql: Queryable, asked: CourseDay, passed: string) {
  const { until, day } = asked;
  return sql<PatternFactRow[]>`
    with ${courseDay(sql, asked)},
    newest as (
      select distinct on (course_id, student_id) course_id, student_id, event_id, days_ago
        from events order by course_id, student_id, at desc, event_id desc
    ),
    days as (
      select course_id, student_id,
             (count(*) filter (where days_ago < 14))::int as days_1,
             (count(*) filter (where days_ago >= 14 and days_ago < 28))::int as days_2,
             (count(*) filter (where days_ago >= 28 and days_ago < 42))::int as days_3,
             (count(*) filter (where days_ago >= 42 and days_ago < 56))::int as days_4,
             (count(*) filter (where days_ago >= 56))::int as days_5
        from (select distinct course_id, student_id, days_ago from events where days_ago < 70) d
       group by course_id, student_id
    ),
    missed as (
      select m.course_id, m.student_id,
             array_agg(d.activity_id order by d.due_at, d.activity_id) as ids,
             array_agg((${day}::date - d.due_day)::bigint order by d.due_at, d.activity_id) as days_ago
        from members m
        join due_dates d on d.course_id = m.course_id and not d.is_final
         and d.due_at + interval '48 hours' <= least(${until}::timestamptz, ${passed}::timestamptz)
         and (m.joined_day is null or d.due_day >= m.joined_day)
        left join submissions s
          on s.course_id = m.course_id and s.student_id = m.student_id and s.activity_id = d.activity_id
        left join exempt x on x.student_id = m.student_id and x.activity_id = d.activity_id
       where s.student_id is null and x.student_id is null
       group by m.course_id, m.student_id
    ),
    recent_marks as (
      select course_id, student_id, mark_event_id, pct, days_ago,
             row_number() over (partition by course_id, student_id order by days_ago, activity_id desc) as position
        from marks where n_marked >= 10
    ),
    last_marks as (
      select course_id, student_id, array_agg(mark_event_id order by position desc) as event_ids,
             array_agg(round(pct * 1000000)::bigint order by position desc) as ranks,
             array_agg(days_ago::bigint order by position desc) as days_ago
        from recent_marks where position <= 5 group by course_id, student_id
    )
    select m.course_id, m.student_id, n.days_ago as idle_days, n.event_id as last_event_id,
           ${day}::date - m.joined_day as here_days,
           coalesce(d.days_1, 0) as days_1, coalesce(d.days_2, 0) as days_2, coalesce(d.days_3, 0) as days_3,
           coalesce(d.days_4, 0) as days_4, coalesce(d.days_5, 0) as days_5,
           coalesce(w.ids, '{}') as missed_ids, coalesce(w.days_ago, '{}') as missed_days_ago,
           coalesce(k.event_ids, '{}') as mark_event_ids, coalesce(k.ranks, '{}') as mark_ranks,
           coalesce(k.days_ago, '{}') as mark_days_ago
      from members m
      left join newest n on n.course_id = m.course_id and n.student_id = m.student_id
      left join days d on d.course_id = m.course_id and d.student_id = m.student_id
      left join missed w on w.course_id = m.course_id and w.student_id = m.student_id
      left join last_marks k on k.course_id = m.course_id and k.student_id = m.student_id
     order by m.course_id, m.student_id`;
}

export const PassedRow = z.object({ passed_at: timestamptz.nullable() });
export type PassedRow = z.infer<typeof PassedRow>;

/** When a pass over all exams ended last, or was not needed since nothing had been committed. */
export const examsPassed = (sql: Queryable, source: string) =>
  sql<PassedRow[]>`
    select greatest(
      (select last_full_pass_at from lmsmon.streams where source = ${source} and kind = 'exam'),
      (select max(finished_at) from lmsmon.poll_runs where source = ${source} and status = 'done' and skipped_full_pass)) as passed_at`;

export const KnownPatternRow = z.object({
  pattern_id: int8,
  student_id: int8,
  course_id: int8,
  type: text,
  days_ago: neverNull(int4),
  is_open: neverNull(bool),
  activity_ids: z.array(int8),
});
export type KnownPatternRow = z.infer<typeof KnownPatternRow>;

/** Patterns that still go on, and those so young that another of the same sort is no news. Who withdrew does not count. */
export const knownPatterns = (sql: Queryable, source: string, day: string, coolDownDays: number) =>
  sql<KnownPatternRow[]>`
    select pattern_id, student_id, course_id, type, ${day}::date - day as days_ago, ended_day is null as is_open, activity_ids
      from lmsmon.patterns
     where source = ${source} and withdrawn_day is null
       and (ended_day is null or ${day}::date - day < ${coolDownDays}::int)
     order by student_id, course_id, type, day`;

/** Columns are array literals of one length; `evidence`: a JSON array of objects with event_ids, activity_ids and values. */
export interface FoundColumns {
  readonly students: string;
  readonly courses: string;
  readonly types: string;
  readonly sinces: string;
  readonly histories: string;
  readonly evidence: string;
}

/** Keeps what was found on a day, and nothing of who was erased: under shareErasures. */
export const insertPatterns = (sql: Queryable, source: string, day: string, foundAt: string, f: FoundColumns) =>
  sql`
    insert into lmsmon.patterns
      (source, student_id, course_id, type, day, since, found_at, history, event_ids, activity_ids, evidence)
    select ${source}::text, u.student_id, u.course_id, u.type, ${day}::date, u.since, ${foundAt}::timestamptz, u.history,
           array(select jsonb_array_elements_text(u.evidence::jsonb -> 'event_ids')::bigint),
           array(select jsonb_array_elements_text(u.evidence::jsonb -> 'activity_ids')::bigint),
           u.evidence::jsonb -> 'values'
      from unnest(${f.students}::bigint[], ${f.courses}::bigint[], ${f.types}::text[], ${f.sinces}::date[],
        ${f.histories}::boolean[], ${f.evidence}::text[]) as u (student_id, course_id, type, since, history, evidence)
     where not ${isErased(sql, source, "'student'", "u.student_id")}
    on conflict on constraint patterns_identity do nothing`;

/** `ids`: bigint[] literals. */
export const closePatterns = (sql: Queryable, day: string, ended: string, withdrawn: string) =>
  sql`
    update lmsmon.patterns
       set ended_day = coalesce(ended_day, ${day}::date),
           withdrawn_day = case when pattern_id = any(${withdrawn}::bigint[]) then ${day}::date end
     where pattern_id = any(${ended}::bigint[]) or pattern_id = any(${withdrawn}::bigint[])`;

export const EvaluatedCourseRow = z.object({ course_id: int8 });
export type EvaluatedCourseRow = z.infer<typeof EvaluatedCourseRow>;

export const evaluatedCourses = (sql: Queryable, source: string) =>
  sql<EvaluatedCourseRow[]>`select course_id from lmsmon.pattern_courses where source = ${source}`;

/** `courses`: a bigint[] literal. */
export const noteCourses = (sql: Queryable, source: string, day: string, courses: string) =>
  sql`
    insert into lmsmon.pattern_courses (source, course_id, first_day, last_day)
    select ${source}::text, c, ${day}::date, ${day}::date from unnest(${courses}::bigint[]) as c
    on conflict on constraint pattern_courses_pkey do update set last_day = excluded.last_day`;

export const PatternRow = z.object({
  pattern_id: int8,
  source: text,
  student_id: int8,
  student_key: neverNull(text),
  pseudonym: neverNull(text),
  username: text.nullable(),
  email: text.nullable(),
  /** As the LMS has it. */
  course_key: neverNull(text),
  type: text,
  day: neverNull(text),
  since: neverNull(text),
  found_at: timestamptz,
  history: bool,
  event_ids: z.array(int8),
  /** JSON. */
  activity_ids: neverNull(text),
  evidence: jsonb,
  ended_day: text.nullable(),
  withdrawn_day: text.nullable(),
});
export type PatternRow = z.infer<typeof PatternRow>;

export interface PatternQuery {
  /** ISO times of finding. */
  readonly since: string | null;
  readonly until: string | null;
  /** `null`: all; ids of the LMS. */
  readonly students: readonly string[] | null;
  readonly after: string;
  readonly limit: number;
}

/** Patterns by id. */
export const patternsAfter = (sql: Queryable, { since, until, students, after, limit }: PatternQuery) =>
  sql<PatternRow[]>`
    select t.pattern_id, t.source, t.student_id, lmsmon.lms_key(t.source, t.student_id) as student_key,
           coalesce(p.pseudonym, lmsmon.pseudonym('student', t.source, t.student_id)) as pseudonym, p.username, p.email,
           lmsmon.lms_key(t.source, t.course_id) as course_key, t.type, t.day::text as day, t.since::text as since, t.found_at,
           t.history, t.event_ids, lmsmon.export_keys(t.source, t.activity_ids) as activity_ids, t.evidence, t.ended_day::text as ended_day,
           t.withdrawn_day::text as withdrawn_day
      from lmsmon.patterns t
      left join lmsmon.people p on p.source = t.source and p.role = 'student' and p.id = t.student_id
     where t.pattern_id > ${after}::bigint
       and (${since}::timestamptz is null or t.found_at >= ${since}::timestamptz)
       and (${until}::timestamptz is null or t.found_at < ${until}::timestamptz)
       and (${students as string[] | null}::bigint[] is null or t.student_id = any(${students as
    | string[]
    | null}::bigint[]))
     order by t.pattern_id limit ${limit}::int`;

export const NamedPatternRow = z.object({
  pattern_id: int8,
  student_id: int8,
  course_id: int8,
  type: text,
  since: neverNull(text),
  withdrawn: neverNull(bool),
});
export type NamedPatternRow = z.infer<typeof NamedPatternRow>;

/** Patterns by id: those that still go on, or are withdrawn. */
export const patternsById = (sql: Queryable, ids: readonly string[]) =>
  sql<NamedPatternRow[]>`
    select pattern_id, student_id, course_id, type, since::text as since, withdrawn_day is not null as withdrawn
      from lmsmon.patterns
     where pattern_id = any(${ids as string[]}::bigint[]) and (ended_day is null or withdrawn_day is not null)
     order by since, type, pattern_id`;

export const OpenPatternRow = z.object({
  pattern_id: int8,
  student_id: int8,
  course_id: int8,
});
export type OpenPatternRow = z.infer<typeof OpenPatternRow>;

/** What goes on with students, as of the last day that was judged. */
export const openPatterns = (sql: Queryable, source: string, students: readonly string[]) =>
  sql<OpenPatternRow[]>`
    select pattern_id, student_id, course_id from lmsmon.patterns
     where source = ${source} and ended_day is null and withdrawn_day is null and student_id = any(${students as string[]}::bigint[])
     order by student_id, course_id, since, type`;
