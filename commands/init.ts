import { Command } from "@commander-js/extra-typings";
import { execute, notEmpty, withCommon } from "./common.ts";

export const initCommand = withCommon(new Command("init"))
  .option("--lms-url <URL>", "address of the LMS database, without its password", notEmpty)
  .option("--lms-password-file <FILE>", "file with its password")
  .option("--state-url <URL>", "state database; default: embedded, beside the configuration")
  .option("--state-password-file <FILE>", "file with its password")
  .option("--zuliprc <FILE>", "the bot's zuliprc", notEmpty)
  .option("--timezone <ZONE>", "of the institute, such as Asia/Kolkata", notEmpty)
  .option("--out <FILE>", "the configuration to write", "config.yaml")
  .option("--force", "replace it when it is there")
  .option("--dry-run", "try everything, show what would be written, write nothing")
  .option("--json", "print the result as JSON")
  .addHelpText(
    "after",
    "\nWhat no flag says is asked for on a terminal. Every answer is tried before anything is written, and is taken as it" +
      "\nis typed: a ${NAME} stands for a variable only at the beginning of a path, as in" +
      "\n'${CREDENTIALS_DIRECTORY:-/etc/lmsmon}/lms_password'." +
      "\nThe LMS is a Testpress; for Moodle and any other see docs/presets.md.",
  )
  .action((flags, command) =>
    execute(command, { needs: [], standalone: true }, async (context) => {
      const { runInit } = await import("../lib/app/init.ts");
      const { out, force = false, dryRun = false, json = false } = flags;
      const answers = {
        lmsUrl: flags.lmsUrl ?? null,
        lmsPasswordFile: flags.lmsPasswordFile ?? null,
        stateUrl: flags.stateUrl ?? null,
        statePasswordFile: flags.statePasswordFile ?? null,
        zuliprc: flags.zuliprc ?? null,
        timezone: flags.timezone ?? null,
      };
      return await runInit(context, { answers, out, force, dryRun, json });
    })
  );
