import { resolve } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { UsageError } from "../lib/base/errors.ts";
import { execute, notEmpty, outputPath, withCommon } from "./common.ts";

export const insightsCommand = withCommon(new Command("insights"))
  .option("--at <DATE>", "as of the end of this day (2026-11-20, yesterday); default today", notEmpty)
  .option("--course <ID>", "only this course, by id or title", notEmpty)
  .option("--mentor <MENTOR>", "only this mentor's students, by LMS id, username or pseudonym", notEmpty)
  .addOption(
    new Option("--list <LIST>", "gone quiet, here but struggling, or everybody")
      .choices(["quiet", "struggling", "all"] as const).default("all" as const),
  )
  .addOption(
    new Option("--explain <STUDENT>", "what makes this student's score, value by value").argParser(notEmpty)
      .conflicts(["list", "csv"]),
  )
  .addOption(new Option("--json", "print the result as JSON").conflicts("csv"))
  .option("--csv", "print the result as CSV")
  // Its conflicts are checked below: the parser would see them in `fit --dry-run --json`, too.
  .option("--dry-run", "print what a weekly message would say to each mentor; nothing is sent")
  .action((flags, command) => {
    if (flags.dryRun && (flags.json || flags.csv || flags.explain !== undefined || flags.list !== "all")) {
      throw new UsageError(
        "`insights --dry-run` prints messages: --json, --csv, --list and --explain say nothing there",
      );
    }
    return execute(command, { needs: ["state"], onlyLooks: true }, async (context) => {
      const { runInsights } = await import("../lib/app/insights.ts");
      return await runInsights(context, {
        at: flags.at ?? null,
        course: flags.course ?? null,
        mentor: flags.mentor ?? null,
        list: flags.list,
        explain: flags.explain ?? null,
        json: flags.json ?? false,
        csv: flags.csv ?? false,
        dryRun: flags.dryRun ?? false,
      });
    });
  });

const daysOf = (text: string | undefined) => (text ?? "today").split(",").map((day) => day.trim());
const AT = "judge at the end of these days: 2026-10-01,2026-11-01; default today";
const OUTCOMES = "what became of students: CSV with student,course,outcome (1: failed or withdrew)";

insightsCommand.addCommand(
  withCommon(new Command("evaluate"))
    .description("hold the score against what became of the students")
    .requiredOption("--outcomes <FILE>", OUTCOMES, notEmpty)
    .option("--at <DATES>", AT, notEmpty)
    .option("--json", "print the result as JSON")
    .action((flags, command) =>
      execute(command, { needs: ["state"], onlyLooks: true }, async (context) => {
        const { runEvaluate } = await import("../lib/app/insights_evaluate.ts");
        const { at, json } = shared(command, []);
        return await runEvaluate(context, { outcomes: resolve(flags.outcomes), at: daysOf(at), json });
      })
    ),
);

insightsCommand.addCommand(
  withCommon(new Command("fit"))
    .description("make this site's own constants of the score, for insights.constants to name")
    .requiredOption("--outcomes <FILE>", OUTCOMES, notEmpty)
    .option("--at <DATES>", AT, notEmpty)
    .option("--out <FILE>", "write the constants to this file (- is stdout)", notEmpty)
    .option("--dry-run", "write nothing")
    .option("--json", "print the result as JSON")
    .action((flags, command) =>
      execute(command, { needs: ["state"], onlyLooks: flags.out === undefined }, async (context) => {
        const { runFit } = await import("../lib/app/insights_fit.ts");
        const { at, json, dryRun } = shared(command, ["dry-run"]);
        return await runFit(context, {
          outcomes: resolve(flags.outcomes),
          at: daysOf(at),
          json,
          out: flags.out === undefined ? null : outputPath(flags.out),
          dryRun: dryRun || (flags.dryRun ?? false),
        });
      })
    ),
);

/** Flags that `insights` itself has, too: the parser gives them to it, wherever they stand. Throws UsageError for those that say nothing here. */
function shared(
  command: Command,
  own: readonly string[],
): { at: string | undefined; json: boolean; dryRun: boolean } {
  const { at, json, dryRun, course, mentor, explain, csv, list } = command.parent?.opts() ?? {};
  const others = { course, mentor, explain, csv, list: list === "all" ? undefined : list, "dry-run": dryRun };
  for (const [name, value] of Object.entries(others)) {
    if (value === undefined || own.includes(name)) continue;
    throw new UsageError(`\`insights ${command.name()}\` has no --${name}`, {
      hint: "the lines of the outcomes file say which students and courses count",
    });
  }
  return { at: typeof at === "string" ? at : undefined, json: json === true, dryRun: dryRun === true };
}
