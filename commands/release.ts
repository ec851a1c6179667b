import { Command, InvalidArgumentError } from "@commander-js/extra-typings";
import { UsageError } from "../lib/base/errors.ts";
import { execute, notEmpty, withCommon } from "./common.ts";

export const releaseCommand = withCommon(new Command("release"))
  .option("--list", "show the polls whose messages are held")
  .option("--poll <N>", "let this poll's messages go (or drop them, with --drop)", pollId)
  .option("--drop", "suppress the held messages instead of sending them; without --poll those of every held poll")
  .option("--reason <TEXT>", "why they are dropped; kept with them", notEmpty)
  .option("--yes", "with --drop: ask nothing on a terminal")
  .option("--dry-run", "show what would be done, change nothing")
  .option("--json", "print the result as JSON")
  .action((flags, command) => {
    const { list = false, drop = false, poll = null, reason = null } = flags;
    const { yes = false, dryRun = false, json = false } = flags;
    const wrong = whatIsWrong(flags);
    if (wrong !== null) {
      throw new UsageError(`Cannot release: ${wrong}`, {
        hint: "lmsmon release --list | --poll N | [--poll N] --drop --reason TEXT",
      });
    }
    return execute(command, { needs: ["state"], onlyLooks: list || dryRun }, async (context) => {
      const { runRelease } = await import("../lib/app/release.ts");
      return await runRelease(context, { list, drop, poll, reason, yes, dryRun, json });
    });
  });

function whatIsWrong(
  { list, poll, drop, reason, yes }: { list?: true; poll?: string; drop?: true; reason?: string; yes?: true },
): string | null {
  if (list && (poll !== undefined || drop)) return "--list goes with neither --poll nor --drop";
  if (drop && reason === undefined) return "--drop needs --reason TEXT";
  if (!drop && reason !== undefined) return "--reason belongs to --drop";
  if (!drop && yes) return "--yes belongs to --drop";
  if (!list && !drop && poll === undefined) return "say what to do";
  return null;
}

function pollId(text: string): string {
  if (/^[1-9]\d{0,17}$/.test(text)) return text;
  throw new InvalidArgumentError("It must be the number of a poll, as --list shows it.");
}
