import { Argument, Command, Option } from "@commander-js/extra-typings";
import { parseTimePast } from "../lib/text/parse_time.ts";
import { execute, notEmpty, wholeNumberFrom, withCommon } from "./common.ts";

export const historyCommand = withCommon(new Command("history"))
  .addArgument(new Argument("<student>", "LMS id, username or pseudonym").argParser(notEmpty))
  .option("--since <TIME>", "only from then on: 30d (ago), 2026-11-20, or a time with its zone", notEmpty)
  .addOption(
    new Option("--format <FORMAT>", "for people, for programs, or for a language model")
      .choices(["text", "json", "prompt"] as const).default("text" as const),
  )
  .option("--json", "the same as --format json")
  .option(
    "--max-tokens <N>",
    "never more than so many tokens; what finds no room is older, and counted",
    wholeNumberFrom(1),
  )
  .option("--cursor <CURSOR>", "only what is older: as an answer before said it", notEmpty)
  .action((student, flags, command) =>
    execute(command, { needs: ["state"], onlyLooks: true }, async (context) => {
      const { runHistory } = await import("../lib/app/history.ts");
      const { timezone } = context.config.notify;
      return await runHistory(context, {
        student,
        since: flags.since === undefined ? null : parseTimePast("--since", flags.since, context.clock.now(), timezone),
        format: flags.json ? "json" : flags.format,
        maxTokens: flags.maxTokens ?? null,
        cursor: flags.cursor ?? null,
      });
    })
  );
