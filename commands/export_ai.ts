import { resolve } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { UsageError } from "../lib/base/errors.ts";
import { parseTime } from "../lib/text/parse_time.ts";
import { execute, notEmpty, wholeNumberFrom, withCommon } from "./common.ts";

export const exportAiCommand = withCommon(new Command("export-ai"))
  .option("--since <TIME>", "detected at or after: 7d (ago), 2026-11-20, yesterday, or a time with its zone", notEmpty)
  .option("--until <TIME>", "detected before", notEmpty)
  .option("--type <TYPES>", "only these event types: a,b", notEmpty)
  .option("--student <ID|USERNAME>", "only this student, by LMS id or username", notEmpty)
  .option("--unprocessed", "only events not yet marked as processed")
  .option("--limit <N>", "at most so many", wholeNumberFrom(1))
  .option("--out <FILE>", "write to this file instead of stdout", notEmpty)
  .option("--mark-processed", "mark what was written, after all of it is safely out")
  .option("--identified", "with usernames, emails and Zulip ids (LMS ids are always in)")
  .addOption(new Option("--format <FORMAT>", "output format").choices(["jsonl"] as const).default("jsonl" as const))
  .action(async (flags, command) => {
    const { parseEventTypes } = await import("./event_type_flag.ts");
    const types = flags.type === undefined ? null : parseEventTypes("--type", flags.type);
    await execute(command, { needs: ["state"] }, async (context) => {
      const timezone = context.config.notify.timezone;
      const now = context.clock.now();
      const since = flags.since === undefined ? null : parseTime("--since", flags.since, now, timezone);
      const until = flags.until === undefined ? null : parseTime("--until", flags.until, now, timezone);
      if (since !== null && until !== null && until <= since) {
        throw new UsageError("Cannot export: --until is not after --since", { hint: "Events are from since to until" });
      }
      const { runExportAi } = await import("../lib/app/export_ai.ts");
      return await runExportAi(context, {
        since,
        until,
        types,
        student: flags.student ?? null,
        unprocessed: flags.unprocessed ?? false,
        limit: flags.limit ?? null,
        out: flags.out === undefined ? null : resolve(flags.out),
        markProcessed: flags.markProcessed ?? false,
        identified: flags.identified ?? false,
        format: flags.format,
      });
    });
  });
