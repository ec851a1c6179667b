import { describePreset } from "../../../lib/source/described_preset.ts";
import { openDriver } from "../../../lib/source/open_lms.ts";
import { exemptionsOf } from "../../../sql/lms/context_preset.ts";
import { KINDS } from "../../../lib/model/event_types.ts";
import { MOODLE_DEFAULTS, presetOf } from "../../../sql/lms/presets.ts";
import { type LmsQueries, lmsQueries } from "../../../sql/lms/queries.ts";
import type { Key, KeyRange } from "../../../sql/lms/query_kind.ts";
import { testLmsConfig } from "../lms/test_lms_config.ts";
import { ASSIGNMENT_TABLES } from "./fill_assignments.ts";
import type { MoodleShape } from "./fill_moodle.ts";
import { examine, type Growing, type QueryPlan } from "./lms_plans.ts";
import { EXAMS, STUDENTS } from "./lms_shape.ts";

const GROWING: Growing = {
  tables: [
    "mdl_quiz_attempts",
    "mdl_course_modules_completion",
    "mdl_course_modules_viewed",
    "mdl_logstore_standard_log",
    "mdl_user_enrolments",
    "mdl_assign_submission",
    "mdl_assign_grades",
    "mdl_assign_user_flags",
  ],
  // d: what drives a query, e and k: its keys; the others are those of the preset's queries.
  aliases: ["qa", "p", "d", "l", "ue", "s", "g", "f", "team"],
};
const PAGE = 2000;
/** Keys of a statement of sums, small enough beside the tables that an index is the better way. */
const SUMMED = 2000;

/** Plans of what a poll of a Moodle of this shape sends, as its own sessions would run it. */
export async function moodlePlans(url: string, shape: MoodleShape): Promise<QueryPlan[]> {
  const { driver } = await openDriver(testLmsConfig(url, { preset: "moodle" }));
  const moodle = { ...MOODLE_DEFAULTS, assignments: (shape.submissions ?? 0) > 0 };
  try {
    const preset = presetOf({ preset: "moodle", moodle })?.build?.((table, column) =>
      (HAS.has(table) || (moodle.assignments && ASSIGNMENT_HAS.has(table))) && column !== "penalty"
    );
    if (preset === undefined) throw new TypeError("There is no preset of Moodle");
    const described = await driver.read((session) => describePreset(session, preset, driver.dialect));
    const queries = lmsQueries(described.preset, driver.dialect, () => undefined);
    const found: QueryPlan[] = [];
    for (const [name, query] of Object.entries(moodleQueries(queries, shape))) {
      found.push({ name, ...await examine(driver, name, query, GROWING) });
    }
    for (const kind of KINDS) {
      const self = described.preset.kinds[kind]?.activity?.self;
      if (self === undefined) continue;
      const query = queries.lookup(self, ids(100, EXAMS).map(String), kind);
      found.push({ name: `lookup ${kind}`, ...await examine(driver, `lookup ${kind}`, query, GROWING) });
    }
    const exemptions = described.preset.context?.exemptions ?? null;
    if (moodle.assignments && exemptions !== null) {
      const query = exemptionsOf(exemptions, driver.dialect, ids(100, STUDENTS).map(String));
      found.push({ name: "exemptions", ...await examine(driver, "exemptions", query, GROWING) });
    }
    return found;
  } finally {
    await driver.close();
  }
}

const HAS = new Set(
  ["page", "quiz", "enrol", "user_enrolments", "logstore_standard_log"].map((name) =>
    `${MOODLE_DEFAULTS.prefix}${name}`
  ),
);

const ASSIGNMENT_HAS = new Set(ASSIGNMENT_TABLES.map(({ name }) => `${MOODLE_DEFAULTS.prefix}${name}`));

const ids = (count: number, of: number) =>
  Array.from({ length: Math.min(count, of) }, (_, i) => 1 + Math.floor(i * of / Math.min(count, of)));

function moodleQueries(queries: LmsQueries, shape: MoodleShape): Record<string, string> {
  const { completions, logLines, submissions = 0 } = shape;
  const content = queries.queryKind("content"), log = queries.log("content");
  const range = (from: Key | null, to: Key | null = null): KeyRange => ({ from, fromItself: false, to });
  const student = String(STUDENTS / 2);
  const pages = Math.max(1, Math.ceil(completions / STUDENTS));
  const users = String(STUDENTS / 2 + Math.max(1, Math.floor(SUMMED / pages)));
  const pairs = ids(PAGE, STUDENTS).map((id): Key => [String(id), String(EXAMS + 1)]);
  const lists = (name: string, found: readonly string[]) =>
    Object.fromEntries(found.map((query, i) => [`${name} ${i + 1}`, query]));
  /** Of a kind whose keys are whole numbers from 1 on. */
  const ofWhole = (kind: "exam" | "assignment", rows: number) => {
    const of = queries.queryKind(kind);
    const middle = String(Math.floor(rows / 2)), end = String(Math.floor(rows / 2) + SUMMED);
    const keys = ids(PAGE, rows).map((id): Key => [String(id)]);
    return {
      ...lists(`${kind}, keys of the first page`, of.keysAfter(range(null), PAGE)),
      ...lists(`${kind}, keys of a later page`, of.keysAfter(range([middle]), PAGE)),
      ...lists(`${kind}, keys above the highest`, of.keysAfter(range([String(rows)]), PAGE)),
      ...lists(`${kind}, the first key`, of.firstKey(range([middle]))),
      ...lists(`${kind}, the last keys`, of.lastKeys(PAGE)),
      [`${kind}, rows of a page`]: of.rows({ keys }),
      [`${kind}, rows by id counted`]: of.count({ keys }),
      [`buckets ${kind}`]: of.buckets({ from: [middle], fromItself: true, to: [end] }, 1000n),
      [`${kind}, hashes of buckets`]: of.keyHashes({ ranges: [{ from: [middle], fromItself: true, to: [end] }] }, null),
    };
  };
  return {
    ...ofWhole("exam", shape.attempts),
    ...submissions > 0 ? ofWhole("assignment", submissions) : {},
    ...lists("content, keys of the first page", content.keysAfter(range(null), PAGE)),
    ...lists("content, keys of a later page", content.keysAfter(range([student, "0"]), PAGE)),
    "content, rows of a page": content.rows({ keys: pairs }),
    "content, rows by id counted": content.count({ keys: pairs }),
    "buckets content": content.buckets({ from: [student, "0"], fromItself: true, to: [users, "0"] }, 2n ** 31n),
    "content, hashes of buckets": content.keyHashes({
      ranges: [{ from: [student, "0"], fromItself: true, to: [users, "0"] }],
    }, null),
    "log, its ends": log?.span() ?? "",
    "log, a stretch": log?.stretch(String(logLines - PAGE), PAGE, "1", "2") ?? "",
    "log, lines of a stretch": log?.lines(String(logLines - PAGE), String(logLines)) ?? "",
  };
}
