import { type KindPreset, outputColumns } from "../preset.ts";
import { MARKED_ON_A_SCALE, NOT_HANDED_IN } from "../own_results.ts";
import type { DatedActivities } from "../context_preset.ts";

/*
 * Assignments, as exams that are handed in. A row is one attempt of one student (assign_submission has a row for each attempt), with its
 * mark from assign_grades. Rows of teams (userid 0) are nobody's own.
 */

/** Tables that assignments need beside those of quizzes, and columns that not every Moodle has. */
export const ASSIGNMENT_TABLES: Readonly<Record<string, readonly string[]>> = {
  assign: ["id", "nosubmissions", "duedate", "markingworkflow", "blindmarking", "timelimit"],
  assign_submission: ["id", "timestarted", "attemptnumber"],
  assign_grades: ["id", "grade", "attemptnumber"],
  assign_user_flags: ["id", "workflowstate"],
};

/**
 * Whether the student may see the mark: with a marking workflow it must be released, with anonymous marking the names revealed, and it
 * is not hidden in the gradebook. The offsets keep PostgreSQL from reading whole tables.
 */
const IS_OUT = `g.grade >= 0 and a.grade <> 0 and (a.blindmarking = 0 or a.revealidentities <> 0)
             and coalesce(gi.hidden, 0) = 0
             and (a.markingworkflow = 0 or exists (select 1 from {P}assign_user_flags f where f.userid = s.userid
                  and f.assignment = s.assignment and f.workflowstate = 'released' limit 1 offset 0))`;

/** What the student handed in; the team's is everybody's where it is enough that one of them does. */
const isIn = (knowsTeams: boolean) =>
  `s.status = 'submitted'${
    knowsTeams
      ? ` or (a.teamsubmission <> 0 and a.requireallteammemberssubmit = 0
             and exists (select 1 from {P}assign_submission team join {P}groups_members gm on gm.groupid = team.groupid
                  where team.assignment = s.assignment and team.userid = 0 and team.attemptnumber = s.attemptnumber
                    and team.status = 'submitted' and gm.userid = s.userid limit 1 offset 0))`
      : ""
  }`;

/** A penalty for being late (Moodle 5) is a percentage of the mark. */
const mark = (knowsPenalties: boolean) =>
  knowsPenalties ? "round(g.grade * (100 - g.penalty) / 100, 5)" : "round(g.grade, 5)";

/** A select that ends so is computed once: without it each look-up in it would be made wherever its result is used, 22 times a row. */
const FENCE = 2_147_483_647;

/** Marks below 0 are none; on a scale (a.grade < 0) they are places in it, and no points. */
export const assignments = (has: (table: string, column?: string) => boolean, person: string) => `
select s.id as id, s.userid as student_id, s.cmid as activity_id, s.attemptnumber + 1 as attempt_no,
       case when s.is_in = 1 then 'submitted' when s.is_out = 1 then 'graded, not handed in'
            when s.status = 'new' and s.timestarted > 0 then 'begun' else s.status end as state,
       case when s.is_in = 0 and s.is_out = 1 and s.nosubmissions = 0 then '${NOT_HANDED_IN}'
            when s.is_out = 1 and s.best < 0 then '${MARKED_ON_A_SCALE}' end as result,
       case when s.is_out = 0 or s.gradepass is null or s.gradepass <= s.grademin then null
            when s.mark >= s.gradepass then 'pass' else 'fail' end as verdict,
       case when s.is_out = 1 and (s.best > 0 or s.gradepass > s.grademin) then 1 else 0 end as graded,
       case when s.is_out = 1 and s.best > 0 then s.mark end as score,
       case when s.is_out = 1 and s.best > 0 then round(100 * s.mark / s.best, 2) end as percentage,
       case when s.timestarted > 0 then s.timestarted
            when s.attemptnumber = 0 and s.status <> 'new' then s.timecreated end as started_at,
       case when s.is_in = 1 then s.timemodified when s.is_out = 1 then s.marked_at end as finished_at,
       s.course as course_id{ACTIVE}
  from (
    select s.id, s.userid, s.attemptnumber, s.status, s.timecreated, s.timemodified, s.timestarted,
           cm.id as cmid, cm.course, a.nosubmissions, a.grade as best, gi.gradepass, gi.grademin,
           ${mark(has("assign_grades", "penalty"))} as mark, g.timemodified as marked_at,
           case when ${isIn(has("groups_members"))} then 1 else 0 end as is_in,
           case when ${IS_OUT} then 1 else 0 end as is_out
      from {rows} s
      join {P}assign a on a.id = s.assignment
      join {P}course_modules cm on cm.module = (select m.id from {P}modules m where m.name = 'assign')
            and cm.instance = a.id and cm.deletioninprogress = 0
      left join {P}assign_grades g on g.assignment = s.assignment and g.userid = s.userid
            and g.attemptnumber = s.attemptnumber
      left join {P}grade_items gi on gi.itemtype = 'mod' and gi.itemmodule = 'assign' and gi.iteminstance = a.id
            and gi.itemnumber = 0
     where s.userid > 0
     limit ${FENCE}) s
  join {P}user u on u.id = s.userid and ${person}`;

/** What a quiz and an assignment are, as a query with these outputs says it. */
export const gradedActivity = (from: string) => ({
  self: {
    from,
    key: "id",
    columns: {
      title: "title",
      scoreMax: "score_max",
      passPercentage: "pass_percentage",
      duration: "duration",
      courseId: "course_id",
    },
  },
  media: null,
  placement: null,
  chapterOfContent: null,
} as const);

export const ASSIGNMENT_KIND = {
  key: "id",
  rows: [{ table: "{P}assign_submission", key: "id" }],
  version: 1,
  columns: outputColumns,
  hashed: ["student_id", "activity_id", "attempt_no", "state", "result", "verdict", "graded", "score", "percentage"],
  side: null,
  times: { startedAt: "unix_s", finishedAt: "unix_s" },
  durationUnit: "seconds",
  states: {
    // Opened by a teacher, or there since the student looked at it.
    "new": "not_started",
    "reopened": "not_started",
    // A time limit runs, or something is saved.
    "begun": "running",
    "draft": "running",
    "submitted": "finished",
    "graded, not handed in": "finished",
  },
  verdicts: { "pass": "pass", "fail": "fail" },
  ungraded: [],
  watchable: { always: [], withSide: [] },
  activity: gradedActivity(`
select cm.id as id, a.name as title, case when a.grade > 0 then a.grade end as score_max,
       nullif(a.timelimit, 0) as duration, cm.course as course_id,
       case when gi.gradepass > gi.grademin and a.grade > 0 then round(100 * gi.gradepass / a.grade, 2) end as pass_percentage
  from {P}course_modules cm
  join {P}assign a on a.id = cm.instance and cm.module = (select m.id from {P}modules m where m.name = 'assign')
  left join {P}grade_items gi on gi.itemtype = 'mod' and gi.itemmodule = 'assign' and gi.iteminstance = a.id
        and gi.itemnumber = 0`),
} as const satisfies Partial<KindPreset>;

export const ASSIGNMENT_DATES: DatedActivities = {
  kind: "assignment",
  from: `
select cm.id as id, a.name as name, a.allowsubmissionsfromdate as opens, a.duedate as due, cm.course as course
  from {P}course_modules cm
  join {P}assign a on a.id = cm.instance and cm.module = (select m.id from {P}modules m where m.name = 'assign')`,
  key: "id",
  columns: { title: "name", opens: "opens", due: "due", course: "course" },
  times: "unix_s",
};
