/** What somebody does on the site, and what a poll afterwards must find. What is not named is 0. */
export interface MoodleChange {
  readonly name: string;
  /** `{P}`: the prefix of the tables. The same statements run on both databases. */
  readonly statements: readonly string[];
  readonly expected: (at: "postgres" | "mysql") => Found;
}

export interface Found {
  readonly events?: Readonly<Record<string, number>>;
  /** Events that are corrections, as the fuse counts them. */
  readonly gone?: number;
  readonly quarantined?: number;
  /** Events that somebody is told of. */
  readonly told?: number;
  /** The LMS took back what it had reported: counted, never told. */
  readonly regressions?: number;
}

const nothing = () => ({});
const NOW = "1795999999";

/**
 * In this order on one copy of the site: each leaves what those after it count on. Ids of attempts differ between the two
 * sites, so attempts are found by what they are.
 */
export const MOODLE_CHANGES: readonly MoodleChange[] = [
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
    expected: () => ({ events: { exam_failed: 4 }, told: 4 }),
  },
  {
    name: "and of 6 again",
    statements: ["update {P}grade_items set gradepass = 6 where itemmodule = 'quiz' and iteminstance = 1"],
    expected: () => ({ events: { exam_passed: 4 }, told: 4 }),
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
    statements: [
      "update {P}quiz set sumgrades = 10 where id = 1",
      `update {P}quiz_attempts set timemodified = ${NOW} where quiz = 1 and state = 'finished'`,
    ],
    // One more than at first: the attempt that went on meanwhile.
    expected: (at) => ({
      events: at === "postgres" ? { exam_passed: 15, exam_failed: 1 } : { exam_passed: 16, exam_failed: 1 },
    }),
  },
];
