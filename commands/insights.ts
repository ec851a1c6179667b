import { Command, Option } from "@commander-js/extra-typings";
import { execute, notEmpty, withCommon } from "./common.ts";

export const insightsCommand = withCommon(new Command("insights"))
  .option("--at <DATE>", "as of the end of this day (2026-11-20, yesterday); default today", notEmpty)
  .option("--course <ID>", "only this course, by id or title", notEmpty)
  .option("--mentor <ID>", "only this mentor's students, by LMS id or username", notEmpty)
  .addOption(
    new Option("--list <LIST>", "gone quiet, here but struggling, or everybody")
      .choices(["quiet", "struggling", "all"] as const).default("all" as const),
  )
  .option("--explain <STUDENT>", "what makes this student's score, value by value", notEmpty)
  .addOption(new Option("--json", "print the result as JSON").conflicts("csv"))
  .option("--csv", "print the result as CSV")
  .action((flags, command) =>
    execute(command, { needs: ["state"] }, async (context) => {
      const { runInsights } = await import("../lib/app/insights.ts");
      return await runInsights(context, {
        at: flags.at ?? null,
        course: flags.course ?? null,
        mentor: flags.mentor ?? null,
        list: flags.list,
        explain: flags.explain ?? null,
        json: flags.json ?? false,
        csv: flags.csv ?? false,
      });
    })
  );
