import { Command } from "@commander-js/extra-typings";
import { parseTimePast } from "../lib/text/parse_time.ts";
import { execute, notEmpty, withCommon } from "./common.ts";

export const reconcileCommand = withCommon(new Command("reconcile"))
  .option(
    "--since <TIME>",
    "how far back to read: 5d (ago), a date, yesterday, or a time with its zone; default: since this state last knew all that the " +
      "bot sent, and at least 36h",
    notEmpty,
  )
  .option("--dry-run", "show what would be marked, change nothing")
  .option("--json", "print the result as JSON")
  .action((flags, command) =>
    execute(command, { needs: ["state", "zulip"], onlyLooks: flags.dryRun ?? false }, async (context) => {
      const since = flags.since === undefined
        ? null
        : parseTimePast("--since", flags.since, context.clock.now(), context.config.notify.timezone);
      const { runReconcile } = await import("../lib/app/reconcile.ts");
      return await runReconcile(context, { since, dryRun: flags.dryRun ?? false, json: flags.json ?? false });
    })
  );
