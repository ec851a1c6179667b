import { Command, Option } from "@commander-js/extra-typings";
import { execute, withCommon } from "./common.ts";

export const mapUsersCommand = withCommon(new Command("map-users"))
  .option("--dry-run", "show only, write nothing")
  .addOption(
    new Option("--only <WHO>", "whom to map").choices(["mentors", "students", "all"] as const)
      .default("mentors" as const),
  )
  .option("--unmatched", "list only those without an account")
  .addOption(new Option("--json", "print the result as JSON").conflicts("csv"))
  .option("--csv", "print the result as CSV")
  .action((flags, command) =>
    execute(command, { needs: ["lms", "state", "zulip"], onlyLooks: flags.dryRun ?? false }, async (context) => {
      const { runMapUsers } = await import("../lib/app/map_users.ts");
      const { dryRun = false, only, unmatched = false, json = false, csv = false } = flags;
      return await runMapUsers(context, { dryRun, only, unmatched, json, csv });
    })
  );
