import { type KindPreset, outputColumns, type Preset, type PresetMaker, withPrefix } from "../preset.ts";
import { NOT_HANDED_IN, SET_BY_A_TEACHER } from "../own_results.ts";
import { ASSIGNMENT_DATES, ASSIGNMENT_KIND, assignments, gradedActivity } from "./assignments.ts";
import { exemptions } from "./exemptions.ts";
import { titleOf } from "./titles.ts";

/** What has to be known of a site; `lms.moodle` of the configuration. */
export interface MoodleSite {
  readonly prefix: string;
  readonly mentorRoles: readonly string[];
  readonly media: readonly string[];
  /** Whether assignments are read: as exams of a kind of their own. */
  readonly assignments: boolean;
}

/** Accounts that can be anybody's: not deleted, and not the one that all guests share. */
export const PERSON = "u.deleted = 0 and u.username <> 'guest'";

/**
 * Attempts at quizzes. The verdict is that of the attempt, as Moodle judges a grade: the mark on the quiz's own scale, rounded to
 * five places, reaches the pass mark. That is so from half of the last place below it, and `pass_mark` is where that lies among the
 * quiz's raw marks: one for a quiz, so that no attempt needs a division. The type of module is asked for by itself: joined, the optimiser takes it for far rarer than
 * it is, and reads all attempts of each quiz. No pass mark, no scale or no questions: no verdict. Previews are teachers' own.
 */
const EXAM = `
select qa.id as id, qa.userid as student_id, qa.quiz as activity_id, qa.attempt as attempt_no, qa.state as state,
       case when qa.state = 'abandoned' then '${NOT_HANDED_IN}'
            when qa.state <> 'finished' or qa.sumgrades is null or q.pass_mark is null then null
            when qa.sumgrades >= q.pass_mark then 'pass' else 'fail' end as result,
       case when qa.state = 'finished' and qa.sumgrades is not null then 1 else 0 end as graded,
       case when qa.state = 'finished' then qa.sumgrades end as score,
       case when qa.state = 'finished' and q.sumgrades > 0 then round(100 * qa.sumgrades / q.sumgrades, 2) end as percentage,
       case when qa.state <> 'notstarted' then qa.timestart end as started_at,
       case when qa.state = 'abandoned' then qa.timemodified
            when qa.state in ('finished', 'submitted') then qa.timefinish end as finished_at,
       case when qa.state in ('finished', 'submitted') and qa.timefinish > 0 then qa.timefinish - qa.timestart end as time_taken,
       q.course as course_id{ACTIVE}
  from {P}quiz_attempts qa
  {JOIN} (
    select q.id, q.sumgrades, q.course,
           case when q.sumgrades > 0 and q.grade > 0 and gi.gradepass > gi.grademin
             then (gi.gradepass - 0.000005) * q.sumgrades / q.grade end as pass_mark
      from {P}quiz q
      join {P}course_modules cm on cm.module = (select m.id from {P}modules m where m.name = 'quiz')
            and cm.instance = q.id and cm.deletioninprogress = 0
      left join {P}grade_items gi on gi.itemtype = 'mod' and gi.itemmodule = 'quiz' and gi.iteminstance = q.id
            and gi.itemnumber = 0{ONCE}) q on q.id = qa.quiz
  {JOIN} (select u.id from {P}user u where ${PERSON}{WHOLE}) u on u.id = qa.userid
 where qa.preview = 0`;

/** Types of activity that tell by their attempts, and have no content events. */
const examinedTypes = (site: Pick<MoodleSite, "assignments">) => site.assignments ? "'quiz', 'assign'" : "'quiz'";

/** A value of the one row of a pair; the aggregate makes an answer of none and of several. */
function ofPair(table: "completion" | "viewed", value: string): string {
  const column = /^\w+$/.test(value) ? `p.${value}` : value;
  return `(select max(${column}) from {P}course_modules_${table} p where p.userid = k.a and p.coursemoduleid = k.b)`;
}

/**
 * How far a student came with an activity: one row for each pair, since a reset makes all rows of completion anew. Quizzes tell
 * by their attempts. What is not tracked goes no further than seen. What is kept of a pair is looked up by its index, pair by pair:
 * joined, PostgreSQL reads the whole table for every few thousand pairs.
 */
const content = (examined: string) => `
select k.a as student_id, k.b as activity_id, m.name as content_type,
       case when ${ofPair("completion", "completionstate")} > 0 then 'completed'
            when ${ofPair("viewed", "timecreated")} is null then 'not viewed'
            when cm.completion = 0 then 'viewed, not tracked' else 'viewed' end as state,
       ${
  ofPair("completion", `case when p.completionstate > 0 and p.overrideby > 0 then '${SET_BY_A_TEACHER}' end`)
} as result,
       ${ofPair("viewed", "timecreated")} as started_at,
       ${ofPair("completion", "case when p.completionstate > 0 then p.timemodified end")} as finished_at,
       cm.course as course_id{ACTIVE}
  from {keys} k
  join {P}course_modules cm on cm.id = k.b and cm.deletioninprogress = 0
  join {P}modules m on m.id = cm.module and m.name not in (${examined})
  join {P}user u on u.id = k.a and ${PERSON}`;

/**
 * Lines of the log that say that a student saw an activity, and those that say that completion changed. Of what no row is kept (a
 * page without completion tracking) a line is all there is.
 */
const log = (examined: string) => `
select l.id as line_id, case when l.action = 'viewed' then 1 else 0 end as seen,
       case when l.action = 'viewed' then l.userid else l.relateduserid end as student_id,
       l.contextinstanceid as activity_id, m.name as content_type,
       case when cm.completion = 0 then 'viewed, not tracked' else 'viewed, by the log' end as state,
       cast(null as char(1)) as result, l.timecreated as started_at, cast(null as decimal(20)) as finished_at,
       cm.course as course_id{ACTIVE}
  from {P}logstore_standard_log l
  join {P}course_modules cm on cm.id = l.contextinstanceid and cm.deletioninprogress = 0
  join {P}modules m on m.id = cm.module and m.name not in (${examined})
  join {P}user u on u.id = case when l.action = 'viewed' then l.userid else l.relateduserid end and ${PERSON}
 where {lines} and l.contextlevel = 70 and l.anonymous = 0 and l.realuserid is null and coalesce(l.origin, '') <> 'restore'
   and ((l.action = 'viewed' and l.target = 'course_module')
        or (l.action = 'updated' and l.target = 'course_module_completion'))`;

/**
 * 1 while the student takes part in the course, 0 when suspended there or no longer enrolled. An aggregate, so that PostgreSQL looks it
 * up by index, row by row: of `exists` it may make one reading of all enrolments for every page.
 */
const active = (course: string) =>
  `, coalesce((select max(1) from {P}enrol e join {P}user_enrolments ue on ue.enrolid = e.id` +
  ` where e.courseid = ${course} and e.status = 0 and ue.userid = u.id and ue.status = 0), 0) as active`;

const EXAM_KIND = {
  key: "id",
  rows: [{ table: "{P}quiz_attempts", key: "id" }],
  version: 1,
  columns: outputColumns,
  hashed: ["student_id", "activity_id", "attempt_no", "state", "result", "graded", "score", "percentage"],
  side: null,
  times: { startedAt: "unix_s", finishedAt: "unix_s" },
  durationUnit: "seconds",
  states: {
    "notstarted": "not_started",
    "inprogress": "running",
    "overdue": "running",
    "submitted": "finished",
    "finished": "finished",
    "abandoned": "finished",
  },
  verdicts: { "pass": "pass", "fail": "fail" },
  ungraded: ["submitted", "abandoned"],
  watchable: { always: [], withSide: [] },
  activity: gradedActivity(`
select q.id as id, q.name as title, q.sumgrades as score_max, nullif(q.timelimit, 0) as duration, q.course as course_id,
       case when gi.gradepass > gi.grademin and q.grade > 0 then round(100 * gi.gradepass / q.grade, 2) end as pass_percentage
  from {P}quiz q
  left join {P}grade_items gi on gi.itemtype = 'mod' and gi.itemmodule = 'quiz' and gi.iteminstance = q.id
        and gi.itemnumber = 0`),
} as const satisfies Partial<KindPreset>;

const CONTENT_KIND = {
  key: ["student_id", "activity_id"],
  rows: [
    { table: "{P}course_modules_completion", key: ["userid", "coursemoduleid"] },
    { table: "{P}course_modules_viewed", key: ["userid", "coursemoduleid"] },
  ],
  version: 1,
  columns: outputColumns,
  hashed: ["student_id", "activity_id", "content_type", "state"],
  side: null,
  times: { startedAt: "unix_s", finishedAt: "unix_s" },
  states: {
    "not viewed": "not_started",
    "viewed": "running",
    "viewed, not tracked": "settled",
    "viewed, by the log": "settled",
    "completed": "finished",
  },
  verdicts: {},
  ungraded: [],
} as const satisfies Partial<KindPreset>;

/** A student may be enrolled in a course in several ways (by hand, by a cohort): one that counts is enough. */
const ENROLMENTS = `
select ue.userid as student_id, e.courseid as course_id,
       max(case when ue.status = 0 and e.status = 0 then 1 else 0 end) as active,
       min(case when ue.timestart > 0 then ue.timestart else ue.timecreated end) as joined_at,
       case when min(ue.timeend) = 0 then null else max(ue.timeend) end as left_at
  from {P}user_enrolments ue join {P}enrol e on e.id = ue.enrolid
 where {students}
 group by ue.userid, e.courseid`;

const LOG_TABLE = { table: "{P}logstore_standard_log", key: "id", time: "timecreated" };

/** Moodle 4.1 to 5.x. Titles and enrolments are looked up in those tables that the site has. */
export function moodle(site: MoodleSite): PresetMaker {
  const preset = (has: (table: string, column?: string) => boolean) =>
    withPrefix(presetOf(site, (table, column) => has(`${site.prefix}${table}`, column)), site.prefix);
  return { base: preset(() => true), build: preset };
}

function presetOf(site: MoodleSite, has: (table: string, column?: string) => boolean): Preset {
  const knowsEnrolments = has("enrol") && has("user_enrolments");
  const examined = examinedTypes(site);
  const told = (query: string, course: string) => query.replace("{ACTIVE}", knowsEnrolments ? active(course) : "");
  // Whatever their case, as MySQL has it and the look at the site: a PostgreSQL would find nobody, and nobody would be told.
  const roles = site.mentorRoles.map((role) => `'${role.toLowerCase().replaceAll("'", "''")}'`).join(", ");
  return {
    name: "moodle",
    number: 2,
    kinds: {
      exam: { ...EXAM_KIND, from: told(EXAM, "q.course") },
      assignment: site.assignments ? { ...ASSIGNMENT_KIND, from: told(assignments(has, PERSON), "s.course") } : null,
      content: {
        ...CONTENT_KIND,
        from: told(content(examined), "cm.course"),
        ...(has("logstore_standard_log") ? { log: { ...LOG_TABLE, from: told(log(examined), "cm.course") } } : {}),
        watchable: { always: site.media, withSide: [] },
        activity: {
          self: {
            from: `
select cm.id as id, ${titleOf(has)} as title, cm.course as course_id
  from {P}course_modules cm join {P}modules m on m.id = cm.module`,
            key: "id",
            columns: { title: "title", courseId: "course_id" },
          },
          media: null,
          placement: null,
          chapterOfContent: null,
        },
      },
    },
    context: {
      activities: [
        {
          kind: "exam",
          table: "{P}quiz",
          key: "id",
          columns: { title: "name", opens: "timeopen", due: "timeclose", course: "course" },
          times: "unix_s",
        },
        ...(site.assignments ? [ASSIGNMENT_DATES] : []),
      ],
      enrolments: knowsEnrolments ? { from: ENROLMENTS, student: "ue.userid", times: "unix_s" } : null,
      exemptions: exemptions(has, site.assignments),
    },
    courses: { table: "{P}course", key: "id", columns: { title: "fullname" } },
    chapters: null,
    people: {
      student: {
        from: `
select u.id as id, u.username as username, u.email as email, u.firstname as first_name, u.lastname as last_name,
       case when u.suspended = 0 then 1 else 0 end as active
  from {P}user u where ${PERSON}`,
        key: "id",
        columns: { username: "username", email: "email", firstName: "first_name", lastName: "last_name" },
        active: "active",
      },
      mentor: {
        from: `
select u.id as id, u.username as username, u.email as email, u.firstname as first_name, u.lastname as last_name
  from {P}user u
 where ${mayBeTold("u")}
   and exists (select 1 from {P}role_assignments ra join {P}role r on r.id = ra.roleid and lower(r.shortname) in (${roles})
                 join {P}context x on x.id = ra.contextid and x.contextlevel = 30 where ra.userid = u.id)`,
        key: "id",
        columns: { username: "username", email: "email", firstName: "first_name", lastName: "last_name" },
        active: null,
      },
    },
    // A role in the student's own context (level 30). It may be assigned twice, by hand and by a plugin.
    links: {
      from: `
select x.instanceid as student_id, g.id as mentor_id
  from {P}context x
  join {P}role_assignments ra on ra.contextid = x.id
  join {P}role r on r.id = ra.roleid and lower(r.shortname) in (${roles})
  join {P}user g on g.id = ra.userid and ${mayBeTold("g")}
 where x.contextlevel = 30`,
      mentor: "mentor_id",
      student: "student_id",
    },
    batches: null,
  };
}

const mayBeTold = (who: string) => `${who}.deleted = 0 and ${who}.suspended = 0 and ${who}.email <> ''`;
