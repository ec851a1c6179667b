/** What somebody does on the site, and what a poll afterwards must find. What is not named is 0. */
export interface MoodleChange {
  readonly name: string;
  /** `{P}`: the prefix of the tables, `{NOW}`: unix seconds of now. The same statements run on both databases. */
  readonly statements: readonly string[];
  /** What the next poll is; a full one when it is not given. */
  readonly mode?: "quick" | "full";
  readonly expected: (at: "postgres" | "mysql") => Found;
}

export interface Found {
  readonly events?: Readonly<Record<string, number>>;
  readonly gone?: number;
  readonly quarantined?: number;
  /** Events that somebody is told of. */
  readonly told?: number;
  /** The LMS took back what it had reported: counted, never told. */
  readonly regressions?: number;
}

const nothing = () => ({});
const one = (type: string) => () => ({ events: { [type]: 1 }, told: 1 });

/** A line of the log: a student (or whoever `by` says) saw a course module. */
export function pageSeen(
  id: number,
  student: number,
  module: number,
  more: Readonly<Record<string, string | number>> = {},
): string {
  const line = {
    id,
    eventname: "'x'",
    component: "'mod_page'",
    action: "'viewed'",
    target: "'course_module'",
    crud: "'r'",
    edulevel: 2,
    contextid: 1,
    contextlevel: 70,
    contextinstanceid: module,
    userid: student,
    courseid: 2,
    anonymous: 0,
    timecreated: "{NOW}",
    origin: "'web'",
    ...more,
  };
  return `insert into {P}logstore_standard_log (${Object.keys(line).join(", ")}) values (${
    Object.values(line).join(", ")
  })`;
}
/** An attempt at a quiz, just begun. */
const attempt = (id: number, quiz: number, student: number, state: string, preview: number) =>
  `insert into {P}quiz_attempts (id, quiz, userid, attempt, uniqueid, layout, preview, state, timestart, timefinish, timemodified)
   values (${id}, ${quiz}, ${student}, 9, ${id}, '', ${preview}, ${state}, {NOW}, 0, {NOW})`;
/** A row of completion. */
const completed = (id: number, student: number, module: number, state: number, by: number | null = null) =>
  `insert into {P}course_modules_completion (id, coursemoduleid, userid, completionstate, overrideby, timemodified)
   values (${id}, ${module}, ${student}, ${state}, ${by}, {NOW})`;
const NOW = "1795999999";
/** As Moodle does it: the best sum of marks of quiz 1 is another, and each finished attempt is touched. */
const reweighted = (best: number) => [
  `update {P}quiz set sumgrades = ${best} where id = 1`,
  `update {P}quiz_attempts set timemodified = ${NOW} where quiz = 1 and state = 'finished'`,
];

/**
 * In this order on one copy of the site: each leaves what those after it count on. Ids of attempts differ between the two
 * sites, so attempts are found by what they are.
 */
export const MOODLE_CHANGES: readonly MoodleChange[] = [
  {
    name: "a question of a quiz has another weight: 10 marks instead of 7",
    statements: reweighted(10),
    expected: (at) => ({
      events: at === "postgres" ? { exam_passed: 14, exam_failed: 1 } : { exam_passed: 15, exam_failed: 1 },
    }),
  },
  {
    name: "and 7 again",
    statements: reweighted(7),
    expected: (at) => ({
      events: at === "postgres" ? { exam_passed: 14, exam_failed: 1 } : { exam_passed: 15, exam_failed: 1 },
    }),
  },
  {
    name: "only times of change are touched",
    statements: [
      `update {P}quiz_attempts set timemodified = ${NOW}`,
      `update {P}course_modules_completion set timemodified = ${NOW} where timemodified > 0`,
      `update {P}grade_items set timemodified = ${NOW}`,
      `update {P}user set timemodified = ${NOW}, lastaccess = ${NOW}`,
    ],
    expected: nothing,
  },
  {
    name: "a mark is overridden in the gradebook",
    statements: [
      `update {P}grade_grades set finalgrade = 20, overridden = ${NOW}, timemodified = ${NOW} where finalgrade is not null`,
    ],
    expected: nothing,
  },
  {
    name: "completion is reset: every row is made anew",
    statements: [
      `update {P}course_modules_completion set id = id + 100000, timemodified = ${NOW} where timemodified > 0`,
    ],
    expected: nothing,
  },
  { name: "the log is purged", statements: ["delete from {P}logstore_standard_log"], expected: nothing },
  {
    name: "the best grade of a quiz is 40 instead of 20",
    statements: [
      "update {P}quiz set grade = 40 where id = 1",
      "update {P}grade_items set grademax = 40 where itemmodule = 'quiz' and iteminstance = 1",
    ],
    expected: nothing,
  },
  {
    name: "and 20 again, with a pass mark of 13 instead of 6",
    statements: [
      "update {P}quiz set grade = 20 where id = 1",
      "update {P}grade_items set grademax = 20, gradepass = 13 where itemmodule = 'quiz' and iteminstance = 1",
    ],
    // One of them is suspended in the course.
    expected: () => ({ events: { exam_failed: 4 }, told: 3 }),
  },
  {
    name: "and of 6 again",
    statements: ["update {P}grade_items set gradepass = 6 where itemmodule = 'quiz' and iteminstance = 1"],
    expected: () => ({ events: { exam_passed: 4 }, told: 3 }),
  },
  {
    name: "an essay is marked",
    statements: [
      `update {P}quiz_attempts set sumgrades = 4, timemodified = ${NOW} where state = 'finished' and sumgrades is null and preview = 0`,
    ],
    expected: () => ({ events: { exam_passed: 1 }, told: 1 }),
  },
  {
    name: "an abandoned attempt is opened again, and its time is over",
    statements: [
      `update {P}quiz_attempts set state = 'finished', timefinish = timestart + 6, sumgrades = 1, timemodified = ${NOW} where state = 'abandoned'`,
    ],
    expected: () => ({ events: { exam_failed: 1 }, told: 1 }),
  },
  {
    name: "an overdue attempt is submitted by cron, with a time of change in the past",
    statements: [
      "update {P}quiz_attempts set state = 'finished', timefinish = timestart + 6, sumgrades = 4, timemodified = timestart + 6 where state = 'overdue'",
    ],
    expected: () => ({ events: { exam_passed: 1 }, told: 1 }),
  },
  {
    name: "a state that nobody knows",
    statements: ["update {P}quiz_attempts set state = 'floating' where state = 'inprogress'"],
    expected: () => ({ quarantined: 1 }),
  },
  {
    name: "and the state is known again, as Moodle 5 has it: submitted, not marked yet",
    statements: [
      `update {P}quiz_attempts set state = 'submitted', timefinish = timestart + 60, timemodified = ${NOW} where state = 'floating'`,
    ],
    expected: () => ({ events: { exam_completed: 1 }, told: 1 }),
  },
  {
    name: "and marked",
    statements: [
      `update {P}quiz_attempts set state = 'finished', sumgrades = 7, timemodified = timefinish where state = 'submitted'`,
    ],
    expected: () => ({ events: { exam_passed: 1 }, told: 1 }),
  },
  {
    name: "a question of a quiz has another weight",
    statements: reweighted(10),
    // One more than at first: the attempt that went on meanwhile.
    expected: (at) => ({
      events: at === "postgres" ? { exam_passed: 15, exam_failed: 1 } : { exam_passed: 16, exam_failed: 1 },
    }),
  },
  {
    name:
      "a page without completion tracking is seen: a line of the log is all there is, and the round between full passes finds it",
    mode: "quick",
    statements: [pageSeen(2010, 9, 4)],
    expected: one("content_started"),
  },
  {
    name: "a line with a lower number is committed later",
    mode: "quick",
    statements: [pageSeen(2005, 10, 4), pageSeen(2006, 9, 4)],
    expected: one("content_started"),
  },
  {
    name:
      "lines that say nothing of a student: anonymous, logged in as somebody, restored, of a quiz, of a guest, of nobody",
    statements: [
      pageSeen(2020, 12, 4, { anonymous: 1 }),
      pageSeen(2021, 12, 4, { realuserid: 2 }),
      pageSeen(2022, 12, 4, { origin: "'restore'" }),
      pageSeen(2023, 12, 17),
      pageSeen(2024, 1, 4),
      pageSeen(2025, 4711, 4),
      pageSeen(2026, 22, 4),
    ],
    expected: nothing,
  },
  {
    name: "who is suspended in the course, no longer enrolled in it or suspended altogether: stored, and not told",
    statements: [pageSeen(2030, 19, 4), pageSeen(2031, 20, 9), pageSeen(2032, 21, 4)],
    expected: () => ({ events: { content_started: 3 } }),
  },
  {
    name: "a page is tracked from now on, and somebody whom the log knew completes it",
    statements: [
      "update {P}course_modules set completion = 2, completionview = 1 where id = 4",
      `insert into {P}course_modules_viewed (id, coursemoduleid, userid, timecreated) values (9001, 4, 9, {NOW})`,
      completed(900001, 9, 4, 1),
    ],
    expected: one("content_completed"),
  },
  {
    name: "a teacher ticks a page off, which the log tells the round between full passes",
    mode: "quick",
    statements: [
      completed(900002, 12, 3, 1, 3),
      pageSeen(2040, 3, 3, {
        action: "'updated'",
        target: "'course_module_completion'",
        relateduserid: 12,
        component: "'core'",
      }),
    ],
    expected: one("content_completed"),
  },
  {
    name: "and unticks it",
    statements: ["update {P}course_modules_completion set completionstate = 0 where id = 900002"],
    expected: () => ({ regressions: 1 }),
  },
  {
    name: "seen, and not complete yet",
    statements: [
      `insert into {P}course_modules_viewed (id, coursemoduleid, userid, timecreated) values (9002, 7, 9, {NOW})`,
      "insert into {P}course_modules_completion (id, coursemoduleid, userid, completionstate, timemodified) values (900003, 7, 9, 0, 0)",
    ],
    expected: one("content_started"),
  },
  {
    name: "complete, though the grade is none of a pass",
    mode: "quick",
    statements: ["update {P}course_modules_completion set completionstate = 3, timemodified = {NOW} where id = 900003"],
    expected: one("content_completed"),
  },
  {
    name: "the log was emptied and begins with 1 again",
    statements: ["delete from {P}logstore_standard_log", pageSeen(1, 13, 4)],
    expected: one("content_started"),
  },
  {
    name: "attempts that Moodle 5 makes before anybody begins, and a preview of a teacher",
    statements: [
      attempt(2000001, 2, 13, "'notstarted'", 0),
      attempt(2000002, 2, 3, "'inprogress'", 1),
    ],
    expected: nothing,
  },
  {
    name: "and begins",
    mode: "quick",
    statements: ["update {P}quiz_attempts set state = 'inprogress', timestart = {NOW} where id = 2000001"],
    expected: one("exam_started"),
  },
  {
    name: "rows that belong to nothing",
    statements: [
      attempt(2000003, 4711, 13, "'finished'", 0),
      attempt(2000004, 2, 4711, "'finished'", 0),
      completed(900004, 13, 4711, 1),
      completed(900005, 4711, 3, 1),
    ],
    expected: nothing,
  },
  {
    name: "an activity is being deleted",
    statements: ["update {P}course_modules set deletioninprogress = 1 where id = 24"],
    expected: () => ({ gone: 3 }),
  },
  {
    name: "and is not, after all",
    statements: ["update {P}course_modules set deletioninprogress = 0 where id = 24"],
    expected: nothing,
  },
  {
    name: "an account is deleted",
    statements: [
      "delete from {P}role_assignments where contextid in (select id from {P}context where contextlevel = 30 and instanceid = 14)",
      "delete from {P}context where contextlevel = 30 and instanceid = 14",
      "delete from {P}user_enrolments where userid = 14",
      "update {P}user set deleted = 1, email = '9bd', username = 'student08@example.com.1795364461', idnumber = '' where id = 14",
    ],
    expected: () => ({ gone: 7 }),
  },
  {
    name: "a quiz is deleted",
    statements: [
      "delete from {P}quiz_attempts where quiz = 1",
      "delete from {P}grade_items where itemmodule = 'quiz' and iteminstance = 1",
      "delete from {P}course_modules_completion where coursemoduleid = 16",
      "delete from {P}course_modules where id = 16",
      "delete from {P}quiz where id = 1",
    ],
    expected: (at) => ({ gone: at === "postgres" ? 16 : 17 }),
  },
];
