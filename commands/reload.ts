import { Command } from "@commander-js/extra-typings";
import { execute, withCommon } from "./common.ts";

export const reloadCommand = withCommon(new Command("reload"))
  .option("--dry-run", "only check this host's configuration, ask no watch")
  .option("--json", "print the result as JSON")
  .addHelpText("after", "\nThe configuration that this command reads itself must be right; every watch reads its own.")
  .action((flags, command) => {
    const { dryRun = false, json = false } = flags;
    // Each watch judges for itself whether it can work by the new one: it may be the only one that may read the secrets.
    const needs = dryRun ? ["lms", "state", "delivery"] as const : ["state"] as const;
    return execute(command, { needs }, async (context) => {
      const { runReload } = await import("../lib/app/reload.ts");
      return await runReload(context, { dryRun, json });
    });
  });
