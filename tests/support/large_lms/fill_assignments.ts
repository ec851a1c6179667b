import { COURSES, EXAMS, STUDENTS } from "./lms_shape.ts";

/** A table with the columns that a poll reads and Moodle's own indexes. */
export interface FilledTable {
  readonly name: string;
  readonly columns: string;
  /** Columns, unique ones with a sign. */
  readonly indexes: readonly string[];
}

const OVERRIDDEN = "groupid bigint, userid bigint, sortorder bigint";

/** Tables of a Moodle whose assignments are read, beside those of its quizzes. */
export const ASSIGNMENT_TABLES: readonly FilledTable[] = [
  {
    name: "assign",
    columns: "course bigint not null, name varchar(1333) not null, nosubmissions smallint not null default 0, " +
      "duedate bigint not null default 0, allowsubmissionsfromdate bigint not null default 0, grade bigint not null default 0, " +
      "teamsubmission smallint not null default 0, requireallteammemberssubmit smallint not null default 0, " +
      "blindmarking smallint not null default 0, revealidentities smallint not null default 0, " +
      "markingworkflow smallint not null default 0, timelimit bigint not null default 0",
    indexes: ["course"],
  },
  {
    name: "assign_submission",
    columns:
      "assignment bigint not null, userid bigint not null, timecreated bigint not null, timemodified bigint not null, " +
      "timestarted bigint, status varchar(10), groupid bigint not null default 0, attemptnumber bigint not null default 0, " +
      "latest smallint not null default 0",
    indexes: [
      "!assignment, userid, groupid, attemptnumber",
      "assignment, userid, groupid, latest",
      "assignment",
      "userid",
    ],
  },
  {
    name: "assign_grades",
    columns:
      "assignment bigint not null, userid bigint not null, timecreated bigint not null, timemodified bigint not null, " +
      "grader bigint not null, grade numeric(10,5), attemptnumber bigint not null default 0",
    indexes: ["!assignment, userid, attemptnumber", "assignment", "userid", "attemptnumber"],
  },
  {
    name: "assign_user_flags",
    columns: "userid bigint not null, assignment bigint not null, extensionduedate bigint not null default 0, " +
      "workflowstate varchar(20)",
    indexes: ["userid", "assignment"],
  },
  {
    name: "groups_members",
    columns: "groupid bigint not null, userid bigint not null",
    indexes: ["!userid, groupid", "groupid"],
  },
  {
    name: "assign_overrides",
    columns: `assignid bigint not null, ${OVERRIDDEN}, duedate bigint`,
    indexes: ["assignid", "groupid", "userid"],
  },
  {
    name: "quiz_overrides",
    columns: `quiz bigint not null, ${OVERRIDDEN}, timeclose bigint`,
    indexes: ["quiz", "groupid", "userid"],
  },
];

/** Assignments that each round of all students is spread over. */
const PER_ROUND = 50;

type Fill = (table: string, columns: string, rows: number, values: string, first?: number) => readonly string[];

/**
 * So many submissions, all but a few marked. Each fourth assignment is marked in steps, another of four is team work, so that all
 * look-ups of the query are made. `student`, `round`: as in the other tables; `modules`: how many course modules there are.
 */
export function assignmentRows(
  fill: Fill,
  submissions: number,
  { student, round, modules, begun }: { student: string; round: string; modules: number; begun: number },
): string[] {
  const assignments = PER_ROUND * Math.max(1, Math.ceil(submissions / STUDENTS));
  const of = `1 + ${round} * ${PER_ROUND} + i % ${PER_ROUND}`;
  const times = `${begun} + i, ${begun} + i + 600`;
  return [
    ...fill("modules", "name", 3, "'assign'", 3),
    ...fill(
      "course_modules",
      "course, module, instance",
      modules + assignments,
      `1 + i % ${COURSES}, 3, i - ${modules}`,
      modules + 1,
    ),
    ...fill(
      "assign",
      "course, name, duedate, grade, markingworkflow, teamsubmission",
      assignments,
      `1 + (i + ${modules}) % ${COURSES}, concat('Assignment ', i), ${begun} + i, 100,
       case when i % 4 = 1 then 1 else 0 end, case when i % 4 = 2 then 1 else 0 end`,
    ),
    ...fill(
      "grade_items",
      "courseid, itemtype, itemmodule, iteminstance, itemnumber, gradepass",
      EXAMS + assignments,
      `1 + (i + ${modules}) % ${COURSES}, 'mod', 'assign', i - ${EXAMS}, 0, 50`,
      EXAMS + 1,
    ),
    ...fill(
      "assign_submission",
      "assignment, userid, timecreated, timemodified, timestarted, status, latest",
      submissions,
      `${of}, ${student}, ${times}, 0, case when i % 9 = 0 then 'draft' else 'submitted' end, 1`,
    ),
    ...fill(
      "assign_grades",
      "assignment, userid, timecreated, timemodified, grader, grade",
      submissions,
      `${of}, ${student}, ${times}, 2, i % 101`,
    ),
    ...fill(
      "assign_user_flags",
      "userid, assignment, extensionduedate, workflowstate",
      submissions,
      `${student}, ${of}, case when i % 20 = 0 then ${begun} else 0 end, 'released'`,
    ),
    ...fill("groups_members", "groupid, userid", STUDENTS, "1 + i % 500, i"),
    ...fill("assign_overrides", "assignid, groupid, duedate", 500, `1 + i % ${assignments}, i, ${begun}`),
    ...fill("quiz_overrides", "quiz, userid, timeclose", STUDENTS, `1 + i % ${EXAMS}, i, ${begun}`),
  ];
}
