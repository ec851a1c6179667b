import { CommandError } from "../base/errors.ts";
import { measure, type Measures } from "../insights/evaluation.ts";
import { jsonId } from "../model/lms_ids.ts";
import { NAMED, unknownWords } from "../insights/outcomes.ts";
import { measureWeeks } from "../insights/weeks.ts";
import { counted } from "../text/counted.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson } from "./command_json.ts";
import type { OutcomesOptions } from "./command_options.ts";
import { judgeDays, readWeeks } from "./judged_days.ts";
import { OpenParts } from "./open_parts.ts";
import { ownKeyOutput } from "./state_key_store.ts";

/** `insights evaluate`: the score held against what became of the students, beside what needs no score. */
export async function runEvaluate(context: CommandContext, options: OutcomesOptions): Promise<void> {
  const { config } = context;
  await using parts = new OpenParts(config);
  const db = await parts.state({ dryRun: true });
  await using out = ownKeyOutput(context.out, db);
  const { outcomes, constants, days } = await judgeDays(context, db, options);
  const says = unknownWords(outcomes);
  const rows = [...days].flatMap(([at, list]) => {
    const courses = [...Map.groupBy(list, ({ insight }) => insight.course)];
    return [
      ...courses.map(([course, some]) => ({ at, course: jsonId(course), ...measure(some) })),
      ...(courses.length > 1 ? [{ at, course: null, ...measure(list) }] : []),
    ];
  });
  if (rows.every(({ n }) => n === 0)) {
    throw new CommandError("Cannot evaluate: none of the outcomes is of a student with a score on these days", {
      hint: [
        "the file needs the ids or usernames that the LMS has, and days of the course (--at)",
        ...(says === null ? [] : [says]),
      ].join("; "),
    });
  }
  const { weeks, leftOn } = await readWeeks(context, db, [...days.keys()], constants);
  const weekly = measureWeeks(weeks, leftOn);
  const { unknown } = outcomes;
  if (options.json) {
    return out.writeJson(commandJson("insights evaluate", {
      score_version: constants.version,
      outcomes: outcomes.failed.size,
      unknown: unknown.length,
      unknown_first: unknown.slice(0, NAMED),
      weekly,
      days: rows.map(({ at, course, ...measures }) => ({ at, course, ...rounded(measures) })),
    }));
  }
  await out.table(
    ["day", "course", ...COLUMNS.map(([title]) => title)],
    rows.map((row) => [row.at, row.course ?? "all", ...COLUMNS.map(([, key]) => shown(row[key]))]),
  );
  out.writeLine();
  out.writeLine(`new names a week in the highest tenth: ${shown(weekly.new_names)}`);
  out.writeLine(`median days from standing out (p >= .60) to leaving: ${shown(weekly.lead_days)}`);
  out.writeLine(`${counted(outcomes.failed.size, "outcome")}, constants ${constants.version}`);
  if (says !== null) out.writeLine(says);
}

const COLUMNS: readonly (readonly [string, keyof Measures])[] = [
  ["n", "n"],
  ["failed", "failed"],
  ["AUC", "auc"],
  ["P@10 %", "p10"],
  ["P@20 %", "p20"],
  ["recall", "recall"],
  ["ECE", "ece"],
  ["lowest average", "lowest_average_auc"],
  ["silent 14 days", "silent_14_auc"],
  ["still here", "here_n"],
  ["AUC", "here_auc"],
  ["P@10 %", "here_p10"],
];

const shown = (n: number | null) => n === null ? "-" : Number.isInteger(n) ? String(n) : n.toFixed(3);
const rounded = (measures: Measures) =>
  Object.fromEntries(Object.entries(measures).map(([key, n]) => [key, n === null ? null : Number(n.toFixed(6))]));
