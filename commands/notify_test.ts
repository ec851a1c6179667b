import { Command } from "@commander-js/extra-typings";
import { execute, notEmpty, withCommon } from "./common.ts";
import { parseEventType } from "./event_type_flag.ts";

export const notifyTestCommand = withCommon(new Command("notify-test"))
  .description("send one labelled direct message; prints its id and what it learnt about server, bot and rights")
  .option("--to <EMAIL|ID>", "Zulip user (default: the bot's owner)", notEmpty)
  .option("--event <TYPE>", "render a sample of this event type", parseEventType)
  .option("--dry-run", "print the message, send nothing")
  .option("--json", "print the result as JSON")
  .action((flags, command) =>
    execute(command, { needs: ["zulip"] }, async (context) => {
      const { runNotifyTest } = await import("../lib/app/notify_test.ts");
      const { to = null, event = null, dryRun = false, json = false } = flags;
      return await runNotifyTest(context, { to, event, dryRun, json });
    })
  );
