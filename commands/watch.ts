import { Command } from "@commander-js/extra-typings";
import { execute, withCommon } from "./common.ts";

export const watchCommand = withCommon(new Command("watch"))
  .option("--interval <DURATION>", "time between polls, e.g. 30s (poll.interval)")
  .option("--listen <HOST:PORT>", "serve health and metrics here (listen)")
  .option("--dry-run", "change nothing: print the events and the messages that would go out")
  .option("--no-notify", "poll only: deliveries stay pending")
  .option("--accept-source", "the database under this source's name was exchanged on purpose")
  .option("--take-over", "send although the bot has sent messages that this state does not know")
  .addHelpText("after", "\nSIGTERM and SIGINT finish the round in hand; a second one stops at once.")
  .action((flags, command) => {
    const { dryRun = false, notify, acceptSource = false, takeOver = false, interval, listen } = flags;
    const needs = dryRun || !notify ? ["lms", "state"] as const : ["lms", "state", "delivery"] as const;
    const overrides = {
      ...(interval !== undefined && { "poll.interval": { value: interval, from: "--interval" } }),
      ...(listen !== undefined && { "listen": { value: listen, from: "--listen" } }),
    };
    return execute(command, { needs, overrides, whenDisabled: "stays", daemon: true }, async (context) => {
      const { runWatch } = await import("../lib/app/watch.ts");
      return await runWatch(context, { dryRun, notify, acceptSource, takeOver });
    });
  });
