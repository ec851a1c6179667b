import { Command } from "@commander-js/extra-typings";
import { UsageError } from "../lib/base/errors.ts";
import { execute, notEmpty, withCommon } from "./common.ts";

export const retryCommand = withCommon(new Command("retry"))
  .option("--dead", "what was given up (with --event or --mentor: only that)")
  .option("--event <N>", "this event: given up, refused so far, or waiting for an account", notEmpty)
  .option("--mentor <MENTOR>", "the same of all that this mentor is to be told", notEmpty)
  .option("--dry-run", "show what would be tried again, change nothing")
  .option("--json", "print the result as JSON")
  .action((flags, command) => {
    const { dead = false, event = null, mentor = null, dryRun = false, json = false } = flags;
    const wrong = event !== null && mentor !== null
      ? "--event and --mentor are both given"
      : event !== null && !/^\d{1,18}$/.test(event)
      ? `${JSON.stringify(event.slice(0, 40))} is no event id`
      : !dead && event === null && mentor === null
      ? "say what"
      : null;
    if (wrong !== null) {
      throw new UsageError(`Cannot retry: ${wrong}`, { hint: "lmsmon retry --dead | --event N | --mentor ID" });
    }
    const eventId = event === null ? null : BigInt(event).toString();
    return execute(command, { needs: ["state"] }, async (context) => {
      const { runRetry } = await import("../lib/app/retry.ts");
      return await runRetry(context, { dead, eventId, mentor, dryRun, json });
    });
  });
