import { Command } from "@commander-js/extra-typings";
import { parseTimePast } from "../lib/text/parse_time.ts";
import { execute, notEmpty, wholeNumberFrom, withCommon } from "./common.ts";

export const auditCommand = withCommon(new Command("audit"))
  .option("--since <TIME>", "only acts since then: 7d (ago), 2026-11-20, yesterday", notEmpty)
  .option("--all", "of every source in the state, not only this one")
  .option("--limit <N>", "the newest acts, at most so many (default: 100)", wholeNumberFrom(1))
  .option("--json", "print the result as JSON")
  .action((flags, command) =>
    execute(command, { needs: ["state"], onlyLooks: true }, async (context) => {
      const since = flags.since === undefined
        ? null
        : parseTimePast("--since", flags.since, context.clock.now(), context.config.notify.timezone);
      const { runAudit } = await import("../lib/app/audit.ts");
      return await runAudit(context, {
        all: flags.all ?? false,
        since,
        limit: flags.limit ?? 100,
        json: flags.json ?? false,
      });
    })
  );
