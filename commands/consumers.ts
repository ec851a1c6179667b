import { Command } from "@commander-js/extra-typings";
import { execute, notEmpty, withCommon } from "./common.ts";

export const consumersCommand = withCommon(new Command("consumers"))
  .option("--json", "print the result as JSON")
  .action((flags, command) => run(command, { drop: null, dryRun: false, json: flags.json ?? false }));

withCommon(consumersCommand.command("drop"))
  .description("forget a consumer: its next export begins with the first event")
  .argument("<NAME>", "of the consumer", notEmpty)
  .option("--dry-run", "only say what it would do")
  .option("--json", "print the result as JSON")
  .action((name, flags, command) =>
    run(command, { drop: name, dryRun: flags.dryRun ?? false, json: command.optsWithGlobals().json === true })
  );

async function run(
  command: Parameters<typeof execute>[0],
  options: { readonly drop: string | null; readonly dryRun: boolean; readonly json: boolean },
): Promise<void> {
  await execute(command, { needs: ["state"] }, async (context) => {
    const { runConsumers } = await import("../lib/app/consumers.ts");
    return await runConsumers(context, options);
  });
}
