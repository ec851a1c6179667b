import { Command } from "@commander-js/extra-typings";
import { execute, withCommon } from "./common.ts";

export const statsCommand = withCommon(new Command("stats"))
  .option("--json", "print the result as JSON")
  .action((flags, command) =>
    execute(command, { needs: ["state"] }, async (context) => {
      const { runStats } = await import("../lib/app/stats.ts");
      return await runStats(context, { json: flags.json ?? false });
    })
  );
