import { type TestServer, withMysql, withPostgres } from "../databases.ts";
import { ASSIGNMENT_TABLES, assignmentRows, type FilledTable } from "./fill_assignments.ts";
import { COURSES, EXAMS, MENTORS, OPEN_ROWS, STUDENTS } from "./lms_shape.ts";

/** What a large Moodle holds. */
export interface MoodleShape {
  readonly attempts: number;
  /** Pairs of student and page that are completed, each also seen. */
  readonly completions: number;
  readonly logLines: number;
  /** What was handed in of assignments; without it there are none of their tables. */
  readonly submissions?: number;
}

/** Rows per statement: one transaction of InnoDB. */
const PIECE = 500_000;
const BEGUN = 1_700_000_000;

const TABLES: readonly FilledTable[] = [
  {
    name: "user",
    columns: "username varchar(100) not null, email varchar(100) not null, firstname varchar(100) not null, " +
      "lastname varchar(100) not null, deleted smallint not null default 0, suspended smallint not null default 0",
    indexes: ["!username", "deleted", "email", "firstname", "lastname"],
  },
  {
    name: "course",
    columns: "fullname varchar(254) not null, shortname varchar(255) not null",
    indexes: ["shortname"],
  },
  { name: "modules", columns: "name varchar(20) not null", indexes: ["name"] },
  {
    name: "course_modules",
    columns: "course bigint not null, module bigint not null, instance bigint not null, " +
      "completion smallint not null default 2, deletioninprogress smallint not null default 0",
    indexes: ["course", "module", "instance"],
  },
  { name: "page", columns: "course bigint not null, name varchar(255) not null", indexes: ["course"] },
  {
    name: "quiz",
    columns: "course bigint not null, name varchar(255) not null, sumgrades numeric(10,5) not null, " +
      "grade numeric(10,5) not null, timelimit bigint not null default 0, timeopen bigint not null default 0, " +
      "timeclose bigint not null default 0",
    indexes: ["course"],
  },
  {
    name: "grade_items",
    columns: "courseid bigint, itemtype varchar(30) not null, itemmodule varchar(30), iteminstance bigint, " +
      "itemnumber bigint, grademin numeric(10,5) not null default 0, gradepass numeric(10,5) not null default 0, hidden bigint not null default 0",
    indexes: ["itemtype, itemmodule, iteminstance, courseid", "courseid"],
  },
  {
    name: "quiz_attempts",
    columns: "quiz bigint not null, userid bigint not null, attempt int not null, uniqueid bigint not null, " +
      "layout varchar(100) not null, preview smallint not null default 0, state varchar(16) not null, " +
      "timestart bigint not null, timefinish bigint not null, timemodified bigint not null, timecheckstate bigint, " +
      "sumgrades numeric(10,5)",
    indexes: ["!quiz, userid, attempt", "!uniqueid", "state, timecheckstate", "quiz", "userid"],
  },
  {
    name: "course_modules_completion",
    columns: "coursemoduleid bigint not null, userid bigint not null, completionstate smallint not null, " +
      "overrideby bigint, timemodified bigint not null",
    indexes: ["!userid, coursemoduleid", "coursemoduleid"],
  },
  {
    name: "course_modules_viewed",
    columns: "coursemoduleid bigint not null, userid bigint not null, timecreated bigint not null",
    indexes: ["!userid, coursemoduleid", "coursemoduleid"],
  },
  {
    name: "logstore_standard_log",
    columns: "action varchar(100) not null, target varchar(100) not null, contextlevel bigint not null, " +
      "contextinstanceid bigint not null, userid bigint not null, relateduserid bigint, " +
      "anonymous smallint not null default 0, timecreated bigint not null, origin varchar(10), realuserid bigint",
    indexes: ["timecreated", "userid, contextlevel, contextinstanceid, timecreated", "relateduserid", "realuserid"],
  },
  {
    name: "enrol",
    columns: "courseid bigint not null, enrol varchar(20) not null, status bigint not null default 0",
    indexes: ["courseid", "enrol"],
  },
  {
    name: "user_enrolments",
    columns: "enrolid bigint not null, userid bigint not null, status bigint not null default 0, " +
      "timestart bigint not null default 0, timeend bigint not null default 0, timecreated bigint not null default 0",
    indexes: ["!enrolid, userid", "enrolid", "userid"],
  },
  {
    name: "context",
    columns: "contextlevel bigint not null, instanceid bigint not null",
    indexes: ["!contextlevel, instanceid", "instanceid"],
  },
  {
    name: "role",
    columns: "shortname varchar(100) not null, sortorder bigint not null",
    indexes: ["!shortname", "!sortorder"],
  },
  {
    name: "role_context_levels",
    columns: "roleid bigint not null, contextlevel bigint not null",
    indexes: ["!contextlevel, roleid", "roleid"],
  },
  {
    name: "role_assignments",
    columns: "roleid bigint not null, contextid bigint not null, userid bigint not null",
    indexes: ["roleid, contextid", "userid, contextid, roleid", "roleid", "contextid", "userid"],
  },
];

/** Statements that fill an empty database with a Moodle of this shape; the same rows on both databases. */
export function moodleFill(dialect: TestServer["dialect"], shape: MoodleShape): string[] {
  const { attempts, completions, logLines, submissions = 0 } = shape;
  const tables = [...TABLES, ...(submissions === 0 ? [] : ASSIGNMENT_TABLES)];
  const mysql = dialect === "mysql";
  const pages = Math.max(1, Math.ceil(completions / STUDENTS));
  const fill = (table: string, columns: string, rows: number, values: string, from = 1): string[] => {
    const found: string[] = [];
    for (let first = from; first <= rows; first += PIECE) {
      const last = Math.min(first + PIECE - 1, rows);
      const numbers = mysql
        ? `(select seq as i from seq_${first}_to_${last}) s`
        : `generate_series(${first}::bigint, ${last}::bigint) s (i)`;
      found.push(`insert into mdl_${table} (id, ${columns}) select i, ${values} from ${numbers}`);
    }
    return found;
  };
  const student = `1 + (i * 7919) % ${STUDENTS}`;
  /** Whole in both languages: which round of all students a row belongs to, from 0. */
  const block = `((i - 1 - (i - 1) % ${STUDENTS}) / ${STUDENTS})`;
  const running = `i > ${attempts - OPEN_ROWS}`;
  return [
    ...tables.map(({ name, columns }) =>
      `create table mdl_${name} (id bigint primary key, ${columns})${mysql ? " row_format=compressed" : ""}`
    ),
    ...fill(
      "user",
      "username, email, firstname, lastname",
      STUDENTS + MENTORS,
      "concat('user', i), concat('user', i, '@inst.example'), concat('First', i), concat('Last', i)",
    ),
    ...fill("course", "fullname, shortname", COURSES, "concat('Course ', i), concat('C', i)"),
    ...fill("modules", "name", 2, "case when i = 1 then 'quiz' else 'page' end"),
    ...fill(
      "course_modules",
      "course, module, instance",
      EXAMS + pages,
      `1 + i % ${COURSES}, case when i <= ${EXAMS} then 1 else 2 end, case when i <= ${EXAMS} then i else i - ${EXAMS} end`,
    ),
    ...fill("page", "course, name", pages, `1 + (i + ${EXAMS}) % ${COURSES}, concat('Page ', i)`),
    ...fill("quiz", "course, name, sumgrades, grade", EXAMS, `1 + i % ${COURSES}, concat('Quiz ', i), 10, 20`),
    ...fill(
      "grade_items",
      "courseid, itemtype, itemmodule, iteminstance, itemnumber, gradepass",
      EXAMS,
      `1 + i % ${COURSES}, 'mod', 'quiz', i, 0, case when i % 4 = 0 then 0 else 9 end`,
    ),
    ...fill(
      "quiz_attempts",
      "quiz, userid, attempt, uniqueid, layout, state, timestart, timefinish, timemodified, sumgrades",
      attempts,
      `1 + i % ${EXAMS}, ${student}, 1 + ${block}, i, '1,2,0',
       case when ${running} then 'inprogress' else 'finished' end, ${BEGUN} + i,
       case when ${running} then 0 else ${BEGUN} + i + 600 end, ${BEGUN} + i + 600,
       case when ${running} then null else i % 11 end`,
    ),
    ...fill(
      "course_modules_completion",
      "coursemoduleid, userid, completionstate, timemodified",
      completions,
      `${EXAMS} + 1 + ${block}, ${student}, 1, ${BEGUN} + i + 60`,
    ),
    ...fill(
      "course_modules_viewed",
      "coursemoduleid, userid, timecreated",
      completions,
      `${EXAMS} + 1 + ${block}, ${student}, ${BEGUN} + i`,
    ),
    ...fill(
      "logstore_standard_log",
      "action, target, contextlevel, contextinstanceid, userid, timecreated, origin",
      logLines,
      `case when i % 2 = 0 then 'viewed' else 'loggedin' end, case when i % 2 = 0 then 'course_module' else 'user' end,
       case when i % 2 = 0 then 70 else 10 end, ${EXAMS} + 1 + ${block} % ${pages}, ${student}, ${BEGUN} + i, 'web'`,
    ),
    ...fill("enrol", "courseid, enrol", COURSES, "i, 'manual'"),
    // Each student is in five courses.
    ...fill(
      "user_enrolments",
      "enrolid, userid, timecreated",
      STUDENTS * 5,
      `1 + (i + ${block}) % ${COURSES}, 1 + (i - 1) % ${STUDENTS}, ${BEGUN}`,
    ),
    ...fill(
      "context",
      "contextlevel, instanceid",
      STUDENTS + COURSES,
      `case when i <= ${STUDENTS} then 30 else 50 end, i`,
    ),
    ...fill("role", "shortname, sortorder", 2, "case when i = 1 then 'student' else 'mentor' end, i"),
    ...fill("role_context_levels", "roleid, contextlevel", 1, "2, 30"),
    ...fill("role_assignments", "roleid, contextid, userid", STUDENTS, `2, i, ${STUDENTS} + 1 + i % ${MENTORS}`),
    ...(submissions === 0
      ? []
      : assignmentRows(fill, submissions, { student, round: block, modules: EXAMS + pages, begun: BEGUN })),
    ...tables.flatMap(({ name, indexes }) =>
      indexes.map((columns, i) =>
        `create ${columns.startsWith("!") ? "unique " : ""}index ${name}_${i} on mdl_${name} (${
          columns.replace("!", "")
        })`
      )
    ),
    ...(mysql ? tables.map(({ name }) => `analyze table mdl_${name}`) : ["vacuum analyze"]),
  ];
}

export async function fillMoodle(dialect: TestServer["dialect"], url: string, shape: MoodleShape): Promise<void> {
  const statements = moodleFill(dialect, shape);
  if (dialect === "postgres") {
    await withPostgres(url, async (sql) => {
      for (const statement of statements) await sql.unsafe(statement);
    });
    return;
  }
  await withMysql(url, async (connection) => {
    for (const statement of statements) await connection.query(statement);
  });
}
