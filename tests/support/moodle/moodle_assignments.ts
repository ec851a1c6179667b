import { type TestServer, withMysql, withPostgres } from "../databases.ts";
import { type TrueEvent, trueEvents } from "./moodle_truth.ts";

/*
 * Assignments beside the quizzes of the dumps, which have none: Moodle's tables with the columns and indexes of
 * mod/assign/db/install.xml, as far as they matter.
 */

const TABLES = [
  `create table {P}assign_submission (id bigint primary key, assignment bigint not null, userid bigint not null,
     timecreated bigint not null, timemodified bigint not null, timestarted bigint, status varchar(10),
     groupid bigint not null default 0, attemptnumber bigint not null default 0, latest smallint not null default 0)`,
  "create unique index {P}assisubm_uix on {P}assign_submission (assignment, userid, groupid, attemptnumber)",
  "create index {P}assisubm_use on {P}assign_submission (userid)",
  `create table {P}assign_grades (id bigint primary key, assignment bigint not null, userid bigint not null,
     timecreated bigint not null, timemodified bigint not null, grader bigint not null, grade numeric(10,5) default 0,
     attemptnumber bigint not null default 0)`,
  "create unique index {P}assigrad_uix on {P}assign_grades (assignment, userid, attemptnumber)",
  `create table {P}assign_user_flags (id bigint primary key, userid bigint not null, assignment bigint not null,
     locked bigint not null default 0, extensionduedate bigint not null default 0, workflowstate varchar(20))`,
  "create index {P}assiuserflag_use on {P}assign_user_flags (userid)",
  "create table {P}groups_members (id bigint primary key, groupid bigint not null, userid bigint not null)",
  "create table {P}quiz_overrides (id bigint primary key, quiz bigint not null, groupid bigint, userid bigint, timeclose bigint)",
  `create table {P}assign_overrides (id bigint primary key, assignid bigint not null, groupid bigint, userid bigint,
     duedate bigint)`,
];

const BEGUN = 1_795_370_000;

/** An assignment of course 2 (module 100 + its number); `pass`: the pass mark. */
function assignment(
  id: number,
  title: string,
  columns: Readonly<Record<string, number>>,
  pass: number,
  more = "",
): string[] {
  const { grade = 0, ...others } = columns;
  const of = { ...others, grade };
  return [
    `insert into {P}assign (id, course, name, intro, duedate, ${Object.keys(of).join(", ")})
     values (${id}, 2, '${title}', '', ${BEGUN + 86_400 * id}, ${Object.values(of).join(", ")})`,
    `insert into {P}course_modules (id, course, module, instance, section, added, completion${
      more === "" ? "" : ", deletioninprogress"
    })
     values (${100 + id}, 2, 1, ${id}, 1, ${BEGUN}, 2${more === "" ? "" : ", 1"})`,
    ...(grade === 0 ? [] : [
      `insert into {P}grade_items (id, courseid, itemname, itemtype, itemmodule, iteminstance, itemnumber, gradetype, grademax, grademin, gradepass)
       values (${9000 + id}, 2, '${title}', 'mod', 'assign', ${id}, 0, ${grade < 0 ? 2 : 1}, ${Math.abs(grade)}, ${
        grade < 0 ? 1 : 0
      }, ${pass})`,
    ]),
  ];
}

const submission = (
  id: number,
  of: number,
  student: number,
  status: string,
  { attempt = 0, group = 0, started = 0 }: {
    readonly attempt?: number;
    readonly group?: number;
    readonly started?: number;
  } = {},
) =>
  `insert into {P}assign_submission (id, assignment, userid, timecreated, timemodified, timestarted, status, groupid, attemptnumber, latest)
   values (${id}, ${of}, ${student}, ${BEGUN + id}, ${
    BEGUN + 1000 + id
  }, ${started}, '${status}', ${group}, ${attempt}, 1)`;
const grade = (id: number, of: number, student: number, value: number, attempt = 0) =>
  `insert into {P}assign_grades (id, assignment, userid, timecreated, timemodified, grader, grade, attemptnumber)
   values (${id}, ${of}, ${student}, ${BEGUN + 5000}, ${BEGUN + 5000 + id}, 3, ${value}, ${attempt})`;
const flag = (id: number, of: number, student: number, state: string) =>
  `insert into {P}assign_user_flags (id, userid, assignment, workflowstate) values (${id}, ${student}, ${of}, '${state}')`;

/** Everything an assignment can be, on a site whose students have the ids 7 to 27. */
export const ASSIGNMENTS: readonly string[] = [
  ...TABLES,
  ...assignment(1, 'Essay: "Équations"', { grade: 100, submissiondrafts: 1, timelimit: 3600 }, 50),
  ...assignment(2, "Report on a scale", { grade: -1 }, 0),
  ...assignment(3, "Marked in steps", { grade: 10, markingworkflow: 1 }, 5),
  ...assignment(4, "Marked without names", { grade: 20, blindmarking: 1 }, 0),
  ...assignment(5, "Oral", { grade: 5, nosubmissions: 1 }, 0),
  ...assignment(6, "Team work", { grade: 100, teamsubmission: 1 }, 60),
  ...assignment(7, "Never marked", { grade: 0 }, 0),
  ...assignment(8, "Being deleted", { grade: 100 }, 50, "deleted"),
  ...assignment(9, "Scale with a pass", { grade: -3 }, 3),
  ...assignment(10, "A team of all", { grade: 100, teamsubmission: 1, requireallteammemberssubmit: 1 }, 60),
  submission(1, 1, 7, "new"),
  submission(2, 1, 8, "draft"),
  submission(3, 1, 9, "submitted"),
  submission(4, 1, 10, "submitted"),
  grade(4, 1, 10, -1),
  submission(5, 1, 11, "submitted"),
  grade(5, 1, 11, 70),
  submission(6, 1, 12, "submitted"),
  grade(6, 1, 12, 49.99999),
  submission(7, 1, 12, "reopened", { attempt: 1 }),
  submission(8, 1, 13, "submitted"),
  grade(8, 1, 13, 20),
  submission(9, 1, 13, "submitted", { attempt: 1 }),
  grade(9, 1, 13, 80, 1),
  submission(10, 1, 14, "new"),
  grade(10, 1, 14, 0),
  submission(11, 1, 22, "submitted"),
  grade(11, 1, 22, 90), // a deleted account
  submission(12, 1, 15, "new", { started: BEGUN + 77 }),
  submission(13, 2, 7, "submitted"),
  grade(13, 2, 7, 2),
  submission(14, 3, 7, "submitted"),
  grade(14, 3, 7, 8),
  flag(14, 3, 7, "inreview"),
  submission(15, 3, 8, "submitted"),
  grade(15, 3, 8, 8),
  flag(15, 3, 8, "released"),
  submission(16, 3, 9, "submitted"),
  grade(16, 3, 9, 2),
  submission(17, 4, 7, "submitted"),
  grade(17, 4, 7, 15),
  submission(18, 5, 7, "new"),
  grade(18, 5, 7, 4),
  "insert into {P}groups_members (id, groupid, userid) values (1, 31, 7), (2, 31, 8), (3, 32, 9)",
  submission(19, 6, 0, "submitted", { group: 31 }),
  submission(20, 6, 7, "submitted"),
  grade(20, 6, 7, 60),
  submission(21, 6, 8, "draft"),
  grade(21, 6, 8, 59),
  submission(22, 6, 9, "draft"),
  submission(23, 7, 7, "submitted"),
  submission(24, 8, 7, "submitted"),
  submission(25, 9, 7, "submitted"),
  grade(25, 9, 7, 3),
  submission(26, 9, 8, "submitted"),
  grade(26, 9, 8, 2),
  submission(27, 10, 0, "draft", { group: 31 }),
  submission(28, 10, 7, "submitted"),
  submission(29, 10, 8, "draft"),
];

/** What the tables say, by sets of what was handed in, of what was begun, and of marks that are out. */
const TRUTH = `
with
pupil as (select id, username from {P}user where deleted = 0 and id <> 1),
task as (
  select a.*, cm.id as cmid from {P}assign a, {P}course_modules cm, {P}modules ty
   where ty.name = 'assign' and cm.module = ty.id and cm.instance = a.id and cm.deletioninprogress = 0),
need as (select iteminstance as task, gradepass as least from {P}grade_items
          where itemmodule = 'assign' and itemnumber = 0 and gradepass > grademin),
hush as (
  select id as task, cast(null as decimal) as pupil from task where blindmarking = 1 and revealidentities = 0
  union all select iteminstance, null from {P}grade_items where itemmodule = 'assign' and hidden <> 0
  union all
  select t.id, p.id from task t, pupil p where t.markingworkflow = 1 and (t.id, p.id) not in
    (select f.assignment, f.userid from {P}assign_user_flags f where f.workflowstate = 'released')),
mark as (
  select g.assignment, g.userid, g.attemptnumber, g.grade, g.timemodified as at from {P}assign_grades g, task t
   where t.id = g.assignment and t.grade <> 0 and g.grade > -1 and not exists
     (select 1 from hush h where h.task = g.assignment and (h.pupil is null or h.pupil = g.userid))),
handed as (
  select id from {P}assign_submission where status = 'submitted' and userid > 0
  union
  select s.id from {P}assign_submission s, {P}assign_submission team, {P}groups_members m, task t
   where t.id = s.assignment and t.teamsubmission = 1 and t.requireallteammemberssubmit = 0 and team.userid = 0
     and team.status = 'submitted' and team.assignment = s.assignment and team.attemptnumber = s.attemptnumber
     and m.groupid = team.groupid and m.userid = s.userid),
try as (
  select s.*, p.username, t.name, t.grade as best, m.grade as got, m.at as marked,
         case when s.id in (select id from handed) then 1 else 0 end as is_in,
         (select n.least from need n where n.task = t.id) as least
    from {P}assign_submission s join pupil p on p.id = s.userid join task t on t.id = s.assignment
    left join mark m on m.assignment = s.assignment and m.userid = s.userid and m.attemptnumber = s.attemptnumber),
guard as (
  select distinct x.instanceid as pupil, ra.userid as guardian
    from {P}role_assignments ra, {P}context x, {P}role r, {P}user g
   where x.id = ra.contextid and x.contextlevel = 30 and r.id = ra.roleid and r.shortname = 'mentor'
     and g.id = ra.userid and g.deleted = 0 and g.suspended = 0 and g.email <> ''),
happened as (
  select username, userid, name, 'exam_started' as type, cast(null as decimal) as score, cast(null as decimal) as percentage, cast(null as char(4)) as verdict,
         case when timestarted > 0 then timestarted else timecreated end as at
    from try where is_in = 0 and got is null and (status = 'draft' or timestarted > 0)
  union all
  select username, userid, name,
         case when got is null or least is null then 'exam_completed' when got >= least then 'exam_passed' else 'exam_failed' end,
         case when best > 0 then got end, case when best > 0 then round(got / best * 100, 2) end,
         case when got is null or least is null then null when got >= least then 'pass' else 'fail' end,
         case when is_in = 1 then timemodified else marked end
    from try where is_in = 1 or got is not null)
select username, name as title, type, score, percentage, verdict, at, (select count(*) from guard g where g.pupil = h.userid) as mentors
  from happened h`;

export async function assignmentTruth(server: TestServer, url: string, prefix = "mdl_"): Promise<TrueEvent[]> {
  const query = TRUTH.replaceAll("{P}", prefix);
  return trueEvents(
    server.dialect === "postgres"
      ? await withPostgres(url, (sql) => sql.unsafe<Record<string, unknown>[]>(query))
      : await withMysql(url, async (connection) => (await connection.query<never[]>(query))[0]),
  );
}
