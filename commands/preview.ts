import { Command } from "@commander-js/extra-typings";
import { oneDay } from "../lib/text/parse_time.ts";
import { execute, notEmpty, withCommon } from "./common.ts";

export const previewCommand = withCommon(new Command("preview"))
  .requiredOption("--day <DATE>", "a day that is stored: yesterday, today or 2026-11-20, in notify.timezone", notEmpty)
  .option("--json", "print the result as JSON")
  .action((flags, command) =>
    execute(command, { needs: ["state"], onlyLooks: true }, async (context) => {
      const day = oneDay("--day", flags.day, context.clock.now(), context.config.notify.timezone);
      const { runPreview } = await import("../lib/app/preview.ts");
      return await runPreview(context, { ...day, json: flags.json ?? false });
    })
  );
