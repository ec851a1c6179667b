import type { Dialect } from "../dialects/dialect.ts";
import { PERSON } from "./preset.ts";

/** Questions about a Moodle as a whole, beside what a poll reads. */

/** Rows [name, whether capitals in it make no difference]: tables of attempts at quizzes, whatever their prefix. */
export function quizTables(dialect: Dialect): string {
  const here = dialect.name === "postgres"
    ? "table_schema = any (current_schemas(false))"
    : "table_schema = database()";
  const anyCase = dialect.name === "postgres" ? "0" : "@@lower_case_table_names > 0";
  return `select table_name, ${anyCase} from information_schema.tables where table_name like '%quiz!_attempts' escape '!' and ${here} order by 1`;
}

/** One row [how many assignments there are]. */
export const assignmentCount = (prefix: string) =>
  `select count(*) from ${prefix}course_modules cm join ${prefix}modules m on m.id = cm.module and m.name = 'assign'`;

/** Rows [name, value] of `version` (2024100706) and `release` (4.5.6 (Build: …)). */
export const versionQuery = (prefix: string) =>
  `select name, value from ${prefix}config where name in ('version', 'release')`;

/** Rows [id, short name, whether it is meant to be given in the context of a person ("0": no, or not known)] of every role: some dozens. */
export const rolesQuery = (prefix: string, knowsLevels: boolean) => `
select r.id, r.shortname,
       ${
  knowsLevels
    ? `(select count(*) from ${prefix}role_context_levels l where l.roleid = r.id and l.contextlevel = 30)`
    : "0"
}
  from ${prefix}role r order by r.sortorder`;

/** One row [how often a role is given in the context of a person, of so many of its assignments]; by the index of its id. */
export const roleUseQuery = (prefix: string, role: string, most: number) => `
select count(*) from (select ra.contextid from ${prefix}role_assignments ra where ra.roleid = ${role} limit ${most}) a
  join ${prefix}context x on x.id = a.contextid and x.contextlevel = 30`;

/** Rows [why, count, an id]: attempts and completions that no poll reads, and what keeps them out. */
export const leftOutQuery = (prefix: string) =>
  `
select 'attempts', why, count(*), min(id) from (
  select qa.id, case when qa.preview <> 0 then 'previews of teachers'
         when q.id is null then 'of no quiz' when cm.id is null then 'of no course module' when u.id is null then 'of no account'
         when u.deleted <> 0 then 'of deleted accounts' when cm.deletioninprogress <> 0 then 'being deleted'
         when not (${PERSON}) then 'of the guest account' end as why
    from {P}quiz_attempts qa
    left join {P}quiz q on q.id = qa.quiz
    left join {P}modules m on m.name = 'quiz'
    left join {P}course_modules cm on cm.module = m.id and cm.instance = q.id and cm.course = q.course
    left join {P}user u on u.id = qa.userid) x where why is not null group by why
union all
select 'completions', why, count(*), min(id) from (
  select c.id, case when cm.id is null then 'of no course module' when m.id is null then 'of no course module'
         when u.id is null then 'of no account' when u.deleted <> 0 then 'of deleted accounts'
         when cm.deletioninprogress <> 0 then 'being deleted' when not (${PERSON}) then 'of the guest account' end as why
    from {P}course_modules_completion c
    left join {P}course_modules cm on cm.id = c.coursemoduleid
    left join {P}modules m on m.id = cm.module
    left join {P}user u on u.id = c.userid) x where why is not null group by why`.replaceAll("{P}", prefix);
