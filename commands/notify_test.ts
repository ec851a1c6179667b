import { Command } from "@commander-js/extra-typings";
import { execute, notEmpty, withCommon } from "./common.ts";

export const notifyTestCommand = withCommon(new Command("notify-test"))
  .option("--to <EMAIL|ID>", "Zulip user (default: the bot's owner)", notEmpty)
  .option("--event <TYPE>", "render a sample of this event type", notEmpty)
  .option("--dry-run", "print the message, send nothing")
  .option("--json", "print the result as JSON")
  .action(async (flags, command) => {
    const { to = null, dryRun = false, json = false } = flags;
    const { parseEventTypes } = await import("./event_type_flag.ts");
    const event = flags.event === undefined ? null : parseEventTypes("--event", flags.event)[0] ?? null;
    await execute(command, { needs: ["zulip"] }, async (context) => {
      const { runNotifyTest } = await import("../lib/app/notify_test.ts");
      return await runNotifyTest(context, { to, event, dryRun, json });
    });
  });
