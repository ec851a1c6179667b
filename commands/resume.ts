import { Command } from "@commander-js/extra-typings";
import { UsageError } from "../lib/base/errors.ts";
import { execute, notEmpty, withCommon } from "./common.ts";
import { pauseSubject } from "./pause.ts";

export const resumeCommand = withCommon(new Command("resume"))
  .option("--mentor <MENTOR>", "the pause of this mentor", notEmpty)
  .option("--student <STUDENT>", "the pause of this student", notEmpty)
  .option("--exam <ID>", "the pause of this exam", notEmpty)
  .option("--all", "every pause")
  .option("--dry-run", "show what would be done, change nothing")
  .option("--json", "print the result as JSON")
  .action((flags, command) => {
    const subject = pauseSubject("resume", flags);
    if (flags.all && subject !== null) {
      throw new UsageError("Cannot resume: --all and one of --mentor, --student and --exam are both given");
    }
    return execute(command, { needs: ["state"] }, async (context) => {
      const { runResume } = await import("../lib/app/pause.ts");
      const { all = false, dryRun = false, json = false } = flags;
      return await runResume(context, { subject, all, dryRun, json });
    });
  });
