import { Command, Option } from "@commander-js/extra-typings";
import { execute, withCommon } from "./common.ts";

export const migrateCommand = withCommon(new Command("migrate"))
  .addOption(new Option("--dry-run", "show what would be done, change nothing").conflicts("status"))
  .option("--status", "show which migrations are applied and which are not")
  .option("--json", "print the result as JSON")
  .action((flags, command) =>
    execute(command, { needs: ["state"], onlyLooks: flags.dryRun ?? flags.status ?? false }, async (context) => {
      const { runMigrate } = await import("../lib/app/migrate.ts");
      const { dryRun = false, status = false, json = false } = flags;
      return await runMigrate(context, { dryRun, status, json });
    })
  );
