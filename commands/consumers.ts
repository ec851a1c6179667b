import { Command } from "@commander-js/extra-typings";
import type { ConsumersOptions } from "../lib/app/command_options.ts";
import { execute, notEmpty, withCommon } from "./common.ts";

export const consumersCommand = withCommon(new Command("consumers"))
  .option("--json", "print the result as JSON")
  .action((flags, command) => run(command, { drop: null, dryRun: false, yes: false, json: flags.json ?? false }));

withCommon(consumersCommand.command("drop"))
  .description("forget a consumer: its next export begins with the first event")
  .argument("<NAME>", "of the consumer", notEmpty)
  .option("--yes", "really forget it, without asking")
  .option("--dry-run", "only say what it would do")
  .option("--json", "print the result as JSON")
  .action((name, flags, command) =>
    run(command, {
      drop: name,
      dryRun: flags.dryRun ?? false,
      yes: flags.yes ?? false,
      json: command.optsWithGlobals().json === true,
    })
  );

async function run(
  command: Parameters<typeof execute>[0],
  options: ConsumersOptions,
): Promise<void> {
  await execute(command, { needs: ["state"], onlyLooks: options.drop === null }, async (context) => {
    const { runConsumers } = await import("../lib/app/consumers.ts");
    return await runConsumers(context, options);
  });
}
