import { Command } from "@commander-js/extra-typings";
import { execute, withCommon } from "./common.ts";

export const reloadCommand = withCommon(new Command("reload"))
  .option("--dry-run", "only check this host's configuration, ask no watch")
  .option("--json", "print the result as JSON")
  .addHelpText("after", "\nThe configuration that this command reads itself must be right; every watch reads its own.")
  .action((flags, command) =>
    execute(command, { needs: ["lms", "state", "delivery"] }, async (context) => {
      const { runReload } = await import("../lib/app/reload.ts");
      return await runReload(context, { dryRun: flags.dryRun ?? false, json: flags.json ?? false });
    })
  );
