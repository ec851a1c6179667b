import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { execute, notEmpty, outputPath, withCommon } from "./common.ts";

export const reportCommand = withCommon(new Command("report"))
  .requiredOption(
    "--out <PLACE>",
    "the file (- is stdout); or a folder (one that exists, or ends in /): a file for each mentor",
    notEmpty,
  )
  .option("--at <DATE>", "as of the end of this day (2026-11-20, yesterday); default today", notEmpty)
  .option("--course <ID>", "only this course, by id or title", notEmpty)
  .option("--mentor <MENTOR>", "only this mentor's students, by LMS id, username or pseudonym", notEmpty)
  .addOption(
    new Option("--students <LIST>", "these students, on a list or not: LMS ids, usernames or pseudonyms, with commas")
      .argParser(studentList).conflicts("mentor"),
  )
  .option("--identified", "names of people instead of pseudonyms")
  .option("--json", "print what was written as JSON")
  .action((flags, command) =>
    execute(command, { needs: ["state"] }, async (context) => {
      const { runReport } = await import("../lib/app/report.ts");
      return await runReport(context, {
        // A slash at the end says that it is a folder: resolving takes it away.
        out: `${outputPath(flags.out)}${flags.out.endsWith("/") ? "/" : ""}`,
        at: flags.at ?? null,
        course: flags.course ?? null,
        mentor: flags.mentor ?? null,
        students: flags.students ?? null,
        identified: flags.identified ?? false,
        json: flags.json ?? false,
      });
    })
  );

function studentList(text: string): readonly string[] {
  const students = text.split(",").map((one) => one.trim()).filter((one) => one !== "");
  if (students.length > 0) return students;
  throw new InvalidArgumentError("It must name a student.");
}
