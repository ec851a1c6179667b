import { isErased } from "./is_erased.ts";
import type { Queryable } from "./queryable.ts";

// Each pair of statements writes one page of a lookup: what is no longer so is closed, what is new is added. A page covers keys
// from `from` (excluded) to `to` (included), and what lies in between and is not in the page is gone. Array literals of one length.
// Nobody who was erased is added: call what adds students under shareErasures.

export interface ContextPage {
  readonly source: string;
  /** ISO time of the poll. */
  readonly at: string;
  /** The first look at this source: what it finds was so before. */
  readonly history: boolean;
  /** `null`: from the lowest, or to the highest. */
  readonly from: string | null;
  readonly to: string | null;
}

/**
 * In this transaction pages are compared with what is kept as a whole, and found by their keys. A planner that does not know yet how
 * much is kept would look through the page for each row of it: a first look at 10,000 students took 10 s instead of less than one (tried).
 */
export const compareWhole = (sql: Queryable) =>
  sql`
    select where set_config('enable_nestloop', 'off', true) is null or set_config('enable_seqscan', 'off', true) is null
      or set_config('jit', 'off', true) is null`;

const LOWEST = "-9223372036854775808";
const HIGHEST = "9223372036854775807";
/** The lowest id itself is no id of any LMS: a page from the start excludes nothing. */
const bounds = ({ from, to }: ContextPage) => ({ from: from ?? LOWEST, to: to ?? HIGHEST });

export interface ActivityColumns {
  readonly kind: string;
  readonly ids: string;
  readonly titles: string;
  readonly courses: string;
  readonly opens: string;
  readonly dues: string;
  readonly finals: string;
}

const activityValues = (sql: Queryable, a: ActivityColumns) =>
  sql`unnest(${a.ids}::bigint[], ${a.titles}::text[], ${a.courses}::bigint[], ${a.opens}::timestamptz[],
    ${a.dues}::timestamptz[], ${a.finals}::boolean[]) as u (activity_id, title, course_id, opens_at, due_at, is_final)`;

export const closeActivities = (sql: Queryable, page: ContextPage, a: ActivityColumns) =>
  sql`
    update lmsmon.activities v set replaced_at = greatest(${page.at}::timestamptz, v.seen_at)
     where v.source = ${page.source} and v.kind = ${a.kind} and v.replaced_at is null
       and v.activity_id > ${bounds(page).from}::bigint and v.activity_id <= ${bounds(page).to}::bigint
       and not exists (select from ${activityValues(sql, a)}
         where u.activity_id = v.activity_id
           and (u.title, u.course_id, u.opens_at, u.due_at, u.is_final)
             is not distinct from (v.title, v.course_id, v.opens_at, v.due_at, v.is_final))`;

export const addActivities = (sql: Queryable, page: ContextPage, a: ActivityColumns) =>
  sql`
    insert into lmsmon.activities
      (source, kind, activity_id, seen_at, history, title, course_id, opens_at, due_at, is_final)
    select ${page.source}::text, ${a.kind}::text, u.activity_id, ${page.at}::timestamptz, ${page.history}::boolean,
           u.title, u.course_id, u.opens_at, u.due_at, u.is_final
      from ${activityValues(sql, a)}
     where not exists (select from lmsmon.activities v
       where v.source = ${page.source} and v.kind = ${a.kind} and v.activity_id = u.activity_id and v.replaced_at is null
         and v.activity_id > ${bounds(page).from}::bigint and v.activity_id <= ${bounds(page).to}::bigint)
    on conflict (source, kind, activity_id, seen_at) do update
      set replaced_at = null, title = excluded.title, course_id = excluded.course_id, opens_at = excluded.opens_at,
          due_at = excluded.due_at, is_final = excluded.is_final`;

export interface EnrolmentColumns {
  readonly students: string;
  readonly scopes: string;
  readonly scopeIds: string;
  readonly actives: string;
  readonly joined: string;
  readonly left: string;
}

const enrolmentValues = (sql: Queryable, e: EnrolmentColumns) =>
  sql`unnest(${e.students}::bigint[], ${e.scopes}::text[], ${e.scopeIds}::bigint[], ${e.actives}::boolean[],
    ${e.joined}::timestamptz[], ${e.left}::timestamptz[]) as u (student_id, scope, scope_id, active, joined_at, left_at)`;

export const closeEnrolments = (sql: Queryable, page: ContextPage, e: EnrolmentColumns) =>
  sql`
    update lmsmon.enrolments v set replaced_at = greatest(${page.at}::timestamptz, v.seen_at)
     where v.source = ${page.source} and v.replaced_at is null
       and v.student_id > ${bounds(page).from}::bigint and v.student_id <= ${bounds(page).to}::bigint
       and not exists (select from ${enrolmentValues(sql, e)}
         where (u.student_id, u.scope, u.scope_id) = (v.student_id, v.scope, v.scope_id)
           and (u.active, u.joined_at, u.left_at) is not distinct from (v.active, v.joined_at, v.left_at))`;

export const addEnrolments = (sql: Queryable, page: ContextPage, e: EnrolmentColumns) =>
  sql`
    insert into lmsmon.enrolments
      (source, student_id, scope, scope_id, seen_at, history, active, joined_at, left_at)
    select ${page.source}::text, u.student_id, u.scope, u.scope_id, ${page.at}::timestamptz, ${page.history}::boolean,
           u.active, u.joined_at, u.left_at
      from ${enrolmentValues(sql, e)}
     where not ${
    isErased(sql, page.source, "'student'", "u.student_id")
  } and not exists (select from lmsmon.enrolments v
       where v.source = ${page.source} and v.student_id = u.student_id and v.scope = u.scope and v.scope_id = u.scope_id
         and v.replaced_at is null
         and v.student_id > ${bounds(page).from}::bigint and v.student_id <= ${bounds(page).to}::bigint)
    on conflict (source, student_id, scope, scope_id, seen_at) do update
      set replaced_at = null, active = excluded.active, joined_at = excluded.joined_at, left_at = excluded.left_at`;

export interface ExemptionColumns {
  readonly students: string;
  readonly kinds: string;
  readonly activities: string;
}

const exemptionValues = (sql: Queryable, e: ExemptionColumns) =>
  sql`unnest(${e.students}::bigint[], ${e.kinds}::text[], ${e.activities}::bigint[]) as u (student_id, kind, activity_id)`;

export const closeExemptions = (sql: Queryable, page: ContextPage, e: ExemptionColumns) =>
  sql`
    update lmsmon.exemptions v set replaced_at = greatest(${page.at}::timestamptz, v.seen_at)
     where v.source = ${page.source} and v.replaced_at is null
       and v.student_id > ${bounds(page).from}::bigint and v.student_id <= ${bounds(page).to}::bigint
       and not exists (select from ${exemptionValues(sql, e)}
         where (u.student_id, u.kind, u.activity_id) = (v.student_id, v.kind, v.activity_id))`;

export const addExemptions = (sql: Queryable, page: ContextPage, e: ExemptionColumns) =>
  sql`
    insert into lmsmon.exemptions (source, student_id, kind, activity_id, seen_at, history)
    select ${page.source}::text, u.student_id, u.kind, u.activity_id, ${page.at}::timestamptz, ${page.history}::boolean
      from ${exemptionValues(sql, e)}
     where not ${
    isErased(sql, page.source, "'student'", "u.student_id")
  } and not exists (select from lmsmon.exemptions v
       where v.source = ${page.source} and v.student_id = u.student_id and v.kind = u.kind
         and v.activity_id = u.activity_id and v.replaced_at is null
         and v.student_id > ${bounds(page).from}::bigint and v.student_id <= ${bounds(page).to}::bigint)
    on conflict (source, student_id, kind, activity_id, seen_at) do update set replaced_at = null`;
