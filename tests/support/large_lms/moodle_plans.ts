import { describePreset } from "../../../lib/source/described_preset.ts";
import { openDriver } from "../../../lib/source/open_lms.ts";
import { kindOf } from "../../../sql/lms/preset.ts";
import { MOODLE_DEFAULTS, presetOf } from "../../../sql/lms/presets.ts";
import { type LmsQueries, lmsQueries } from "../../../sql/lms/queries.ts";
import type { Key, KeyRange } from "../../../sql/lms/query_kind.ts";
import { testLmsConfig } from "../lms/test_lms_config.ts";
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
  ],
  // d: what drives a query, e and k: its keys; the others are those of the preset's queries.
  aliases: ["qa", "p", "d", "l", "ue"],
};
const PAGE = 2000;
/** Keys of a statement of sums, small enough beside the tables that an index is the better way. */
const SUMMED = 2000;

/** Plans of what a poll of a Moodle of this shape sends, as its own sessions would run it. */
export async function moodlePlans(url: string, shape: MoodleShape): Promise<QueryPlan[]> {
  const { driver } = await openDriver(testLmsConfig(url, { preset: "moodle" }));
  try {
    const preset = presetOf({ preset: "moodle" })?.build?.((table) => HAS.has(table));
    if (preset === undefined) throw new TypeError("There is no preset of Moodle");
    const described = await driver.read((session) => describePreset(session, preset, driver.dialect));
    const queries = lmsQueries(described.preset, driver.dialect, () => undefined);
    const found: QueryPlan[] = [];
    for (const [name, query] of Object.entries(moodleQueries(queries, shape))) {
      found.push({ name, ...await examine(driver, name, query, GROWING) });
    }
    for (const kind of ["exam", "content"] as const) {
      const self = kindOf(described.preset, kind).activity?.self;
      if (self === undefined) continue;
      const query = queries.lookup(self, ids(100, EXAMS).map(String), kind);
      found.push({ name: `lookup ${kind}`, ...await examine(driver, `lookup ${kind}`, query, GROWING) });
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

const ids = (count: number, of: number) =>
  Array.from({ length: Math.min(count, of) }, (_, i) => 1 + Math.floor(i * of / Math.min(count, of)));

function moodleQueries(queries: LmsQueries, { attempts, completions, logLines }: MoodleShape): Record<string, string> {
  const exam = queries.queryKind("exam"), content = queries.queryKind("content"), log = queries.log("content");
  const range = (from: Key | null, to: Key | null = null): KeyRange => ({ from, fromItself: false, to });
  const middle = String(Math.floor(attempts / 2)), end = String(Math.floor(attempts / 2) + SUMMED);
  const student = String(STUDENTS / 2);
  const pages = Math.max(1, Math.ceil(completions / STUDENTS));
  const users = String(STUDENTS / 2 + Math.max(1, Math.floor(SUMMED / pages)));
  const keys = ids(PAGE, attempts).map((id): Key => [String(id)]);
  const pairs = ids(PAGE, STUDENTS).map((id): Key => [String(id), String(EXAMS + 1)]);
  const lists = (name: string, found: readonly string[]) =>
    Object.fromEntries(found.map((query, i) => [`${name} ${i + 1}`, query]));
  return {
    ...lists("exam, keys of the first page", exam.keysAfter(range(null), PAGE)),
    ...lists("exam, keys of a later page", exam.keysAfter(range([middle]), PAGE)),
    ...lists("exam, keys above the highest", exam.keysAfter(range([String(attempts)]), PAGE)),
    ...lists("exam, the first key", exam.firstKey(range([middle]))),
    ...lists("exam, the last keys", exam.lastKeys(PAGE)),
    "exam, rows of a page": exam.rows({ keys }),
    "exam, rows by id counted": exam.count({ keys }),
    "buckets exam": exam.buckets({ from: [middle], fromItself: true, to: [end] }, 1000n),
    "exam, hashes of buckets": exam.keyHashes({ ranges: [{ from: [middle], fromItself: true, to: [end] }] }, null),
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
