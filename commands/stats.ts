import { Command } from "@commander-js/extra-typings";
import { UsageError } from "../lib/base/errors.ts";
import { oneDay, parseTimePast } from "../lib/text/parse_time.ts";
import { execute, notEmpty, withCommon } from "./common.ts";

export const statsCommand = withCommon(new Command("stats"))
  .option("--since <TIME>", "by day since then: 7d (ago), 2026-11-20, yesterday, or a time with its zone", notEmpty)
  .option("--day <DATE>", "of one day: yesterday, today or 2026-11-20", notEmpty)
  .option("--json", "print the result as JSON")
  .action((flags, command) => {
    if (flags.since !== undefined && flags.day !== undefined) {
      throw new UsageError("Cannot show stats: --since and --day are both given", { hint: "Keep one of them" });
    }
    return execute(command, { needs: ["state"], onlyLooks: true }, async (context) => {
      const zone = context.config.notify.timezone;
      const now = context.clock.now();
      const period = flags.day !== undefined
        ? { ...oneDay("--day", flags.day, now, zone), zone }
        : flags.since !== undefined
        ? { since: parseTimePast("--since", flags.since, now, zone), until: now, zone }
        : null;
      const { runStats } = await import("../lib/app/stats.ts");
      return await runStats(context, { period, json: flags.json ?? false });
    });
  });
