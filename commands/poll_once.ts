import { Command } from "@commander-js/extra-typings";
import { execute, withCommon } from "./common.ts";

export const pollOnceCommand = withCommon(new Command("poll-once"))
  .option("--dry-run", "change nothing: print the events and the messages that would go out")
  .option("--no-notify", "send nothing: deliveries stay pending")
  .option("--notify-history", "at first contact, tell also about the past")
  .option("--accept-source", "the database under this source's name was exchanged on purpose")
  .option("--take-over", "send although the bot has sent messages that this state does not know")
  .option("--wait", "when another process polls, wait for it: at most as long as its lease lives")
  .option("--json", "print the result as JSON")
  .action((flags, command) => {
    const { dryRun = false, notify, notifyHistory = false, acceptSource = false } = flags;
    const { takeOver = false, wait = false, json = false } = flags;
    const needs = dryRun || !notify ? ["lms", "state"] as const : ["lms", "state", "delivery"] as const;
    return execute(command, { needs, whenDisabled: "ends", onlyLooks: dryRun }, async (context) => {
      const { runPollOnce } = await import("../lib/app/poll_once.ts");
      return await runPollOnce(context, { dryRun, notify, notifyHistory, acceptSource, takeOver, wait, json });
    });
  });
