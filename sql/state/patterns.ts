import { z } from "zod";
import { bool, int4, int8, jsonb, neverNull, text, timestamptz } from "./columns.ts";
import { type CourseDay, courseDay } from "./course_day.ts";
import { isErased } from "./is_erased.ts";
import type { Queryable } from "./queryable.ts";

/** What patterns are judged by, of one student in one course on a day. Lists are oldest first. */
export const PatternFactRow = z.object({
  course_id: neverNull(int8),
  student_id: neverNull(int8),
  /** Days since the last activity; null: never active. */
  idle_days: int4.nullable(),
  last_event_id: int8.nullable(),
  /** Days since joining; null: nobody says. */
  here_days: int4.nullable(),
  /** Activity days of the last fortnight, and of the four before it, the newest first. */
  days_1: neverNull(int4),
  days_2: neverNull(int4),
  days_3: neverNull(int4),
  days_4: neverNull(int4),
  days_5: neverNull(int4),
  /** Exams and assignments due 48 hours ago or longer that were not handed in, of which kind, and how many days ago each was due. */
  missed_ids: neverNull(z.array(int8)),
  missed_kinds: neverNull(z.array(text)),
  missed_days_ago: neverNull(z.array(int8)),
  /** The same of work that was due before joining: found by nobody, and not handed in since if it was found before. */
  earlier_ids: neverNull(z.array(int8)),
  earlier_kinds: neverNull(z.array(text)),
  /** The last five marked exams that can be ranked: event, rank in millionths, days ago. */
  mark_event_ids: neverNull(z.array(int8)),
  mark_ranks: neverNull(z.array(int8)),
  mark_days_ago: neverNull(z.array(int8)),
});
export type PatternFactRow = z.infer<typeof PatternFactRow>;

/** ISO times: what was due is held against a pass over all rows of its kind that ended by then. */
export interface Passed {
  readonly exam: string;
  readonly assignment: string;
}

export function patternFacts(sql: Queryable, asked: CourseDay, passed: Passed) {
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
      select course_id, student_id, array_agg(activity_id order by due_at, activity_id, kind) filter (where not is_earlier) as ids,
             array_agg(kind::text order by due_at, activity_id, kind) filter (where not is_earlier) as kinds,
             array_agg((${day}::date - due_day)::bigint order by due_at, activity_id, kind) filter (where not is_earlier) as days_ago,
             array_agg(activity_id order by due_at, activity_id, kind) filter (where is_earlier) as earlier_ids,
             array_agg(kind::text order by due_at, activity_id, kind) filter (where is_earlier) as earlier_kinds
        from due_work
       where not is_handed_in and due_at + interval '48 hours' <= least(${until}::timestamptz,
               case when kind = 'exam' then ${passed.exam}::timestamptz else ${passed.assignment}::timestamptz end)
       group by course_id, student_id
    ),
    recent_marks as (
      select course_id, student_id, mark_event_id, pct, days_ago,
             row_number() over (partition by course_id, student_id order by days_ago, activity_id desc, kind) as position
        from marks where n_marked >= 10
    ),
    last_marks as (
      select course_id, student_id, array_agg(mark_event_id order by position desc) as event_ids,
             array_agg(round(pct * 1000000)::bigint order by position desc) as ranks,
             array_agg(days_ago::bigint order by position desc) as days_ago
        from recent_marks where position <= 5 group by course_id, student_id
    )
    select course_id, student_id, max(idle_days) as idle_days, max(last_event_id) as last_event_id,
           max(here_days) as here_days, coalesce(max(days_1), 0) as days_1, coalesce(max(days_2), 0) as days_2,
           coalesce(max(days_3), 0) as days_3, coalesce(max(days_4), 0) as days_4, coalesce(max(days_5), 0) as days_5,
           coalesce(max(missed_ids), '{}') as missed_ids, coalesce(max(missed_kinds), '{}') as missed_kinds,
           coalesce(max(missed_days_ago), '{}') as missed_days_ago,
           coalesce(max(earlier_ids), '{}') as earlier_ids, coalesce(max(earlier_kinds), '{}') as earlier_kinds,
           coalesce(max(mark_event_ids), '{}') as mark_event_ids, coalesce(max(mark_ranks), '{}') as mark_ranks,
           coalesce(max(mark_days_ago), '{}') as mark_days_ago
      from (
        select course_id, student_id, true as is_member, ${day}::date - joined_day as here_days, null::int as idle_days,
               null::bigint as last_event_id, null::int as days_1, null::int as days_2, null::int as days_3,
               null::int as days_4, null::int as days_5, null::bigint[] as missed_ids, null::text[] as missed_kinds,
               null::bigint[] as missed_days_ago, null::bigint[] as earlier_ids, null::text[] as earlier_kinds,
               null::bigint[] as mark_event_ids, null::bigint[] as mark_ranks, null::bigint[] as mark_days_ago
          from members
        union all
        select course_id, student_id, false, null, days_ago, event_id, null, null, null, null, null, null, null, null, null,
               null, null, null, null from newest
        union all
        select course_id, student_id, false, null, null, null, days_1, days_2, days_3, days_4, days_5, null, null, null, null,
               null, null, null, null from days
        union all
        select course_id, student_id, false, null, null, null, null, null, null, null, null, ids, kinds, days_ago,
               earlier_ids, earlier_kinds, null, null, null from missed
        union all
        select course_id, student_id, false, null, null, null, null, null, null, null, null, null, null, null, null, null,
               event_ids, ranks, days_ago from last_marks) r
     group by course_id, student_id having bool_or(is_member)
     order by course_id, student_id`;
}

export const PassedRow = z.object({ kind: text, passed_at: timestamptz.nullable() });
export type PassedRow = z.infer<typeof PassedRow>;

/** By kind: when a pass over all of its rows ended last, or was not needed since nothing had been committed. */
export const workPassed = (sql: Queryable, source: string) =>
  sql<PassedRow[]>`
    select kind, greatest(last_full_pass_at,
             (select max(finished_at) from lmsmon.poll_runs where source = ${source} and status = 'done' and skipped_full_pass))
             as passed_at
      from lmsmon.streams where source = ${source}`;

export const KnownPatternRow = z.object({
  pattern_id: int8,
  student_id: int8,
  course_id: int8,
  type: text,
  days_ago: neverNull(int4),
  is_open: neverNull(bool),
  activity_ids: z.array(int8),
  /** Of these; empty: exams, all of them. */
  activity_kinds: neverNull(z.array(text)),
});
export type KnownPatternRow = z.infer<typeof KnownPatternRow>;

/** Patterns that still go on, and those so young that another of the same sort is no news. Who withdrew does not count. */
export const knownPatterns = (sql: Queryable, source: string, day: string, coolDownDays: number) =>
  sql<KnownPatternRow[]>`
    select pattern_id, student_id, course_id, type, ${day}::date - day as days_ago, ended_day is null as is_open, activity_ids,
           array(select jsonb_array_elements_text(evidence -> 'activity_kinds')) as activity_kinds
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

/** Patterns by id: those that go on, or are withdrawn, as of the end of a day (ISO date; `null`: of the last that was judged). */
export const patternsById = (sql: Queryable, ids: readonly string[], day: string | null) => {
  const by = (column: "ended_day" | "withdrawn_day") =>
    day === null ? sql`${sql(column)} is not null` : sql`${sql(column)} <= ${day}::date`;
  return sql<NamedPatternRow[]>`
    select pattern_id, student_id, course_id, type, since::text as since, (${by("withdrawn_day")}) is true as withdrawn
      from lmsmon.patterns
     where pattern_id = any(${ids as string[]}::bigint[]) and ((${by("ended_day")}) is not true or ${
    by("withdrawn_day")
  })
     order by since, type, pattern_id`;
};

export const OpenPatternRow = z.object({
  pattern_id: int8,
  student_id: int8,
  course_id: int8,
});
export type OpenPatternRow = z.infer<typeof OpenPatternRow>;

/** What goes on with students at the end of a day, an ISO date. What is withdrawn has ended. */
export const openPatterns = (sql: Queryable, source: string, students: readonly string[], day: string) =>
  sql<OpenPatternRow[]>`
    select pattern_id, student_id, course_id from lmsmon.patterns
     where source = ${source} and day <= ${day}::date and (ended_day is null or ended_day > ${day}::date)
       and student_id = any(${students as string[]}::bigint[])
     order by student_id, course_id, since, type`;
