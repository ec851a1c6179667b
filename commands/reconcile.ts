import { Command } from "@commander-js/extra-typings";
import { parseTime } from "../lib/text/parse_time.ts";
import { execute, notEmpty, withCommon } from "./common.ts";

export const reconcileCommand = withCommon(new Command("reconcile"))
  .option(
    "--since <TIME>",
    "how far back to read: 36h (ago), a date, yesterday, or a time with its zone",
    notEmpty,
    "36h",
  )
  .option("--dry-run", "show what would be marked, change nothing")
  .option("--json", "print the result as JSON")
  .action((flags, command) =>
    execute(command, { needs: ["state", "zulip"] }, async (context) => {
      const since = parseTime("--since", flags.since, context.clock.now(), context.config.notify.timezone);
      const { runReconcile } = await import("../lib/app/reconcile.ts");
      return await runReconcile(context, { since, dryRun: flags.dryRun ?? false, json: flags.json ?? false });
    })
  );
