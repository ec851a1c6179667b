import { resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import type { StateOptions } from "../lib/app/command_options.ts";
import { execute, notEmpty, outputPath, withCommon } from "./common.ts";

export const stateCommand = withCommon(new Command("state"));

withCommon(stateCommand.command("copy"))
  .description("copy an embedded state into a new directory, while watch runs, too")
  .argument("<DIRECTORY>", "to be made", notEmpty)
  .option("--json", "print the result as JSON")
  .action((path, flags, command) =>
    run(command, { action: "copy", path: resolve(path), dryRun: false, json: flags.json ?? false })
  );

withCommon(stateCommand.command("dump"))
  .description("write all of a state, embedded or on a server, into one file that any state can be made of again")
  .argument("<FILE>", "state.dump.gz, or .zst; readable for you alone; - is stdout", notEmpty)
  .option("--json", "print the result as JSON")
  .action((path, flags, command) =>
    run(command, {
      action: "dump",
      path: outputPath(path),
      dryRun: false,
      json: flags.json ?? false,
    })
  );

withCommon(stateCommand.command("restore"))
  .description("fill an empty state with a dump: whole or not at all; also from an embedded state to a server and back")
  .argument("<FILE>", "of state dump; - is stdin", notEmpty)
  .option("--dry-run", "do all of it and take it back")
  .option("--json", "print the result as JSON")
  .action((path, flags, command) =>
    run(command, {
      action: "restore",
      path: path === "-" ? "/dev/stdin" : resolve(path),
      dryRun: flags.dryRun ?? false,
      json: flags.json ?? false,
    })
  );

withCommon(stateCommand.command("check"))
  .description("read everything there is, and hold what belongs together against each other; changes nothing")
  .option("--json", "print the result as JSON")
  .action((flags, command) => run(command, { action: "check", path: "", dryRun: false, json: flags.json ?? false }));

async function run(command: Parameters<typeof execute>[0], options: StateOptions): Promise<void> {
  const onlyLooks = options.dryRun || options.action === "check" || options.action === "dump";
  await execute(command, { needs: ["state"], onlyLooks }, async (context) => {
    const { runState } = await import("../lib/app/state.ts");
    return await runState(context, options);
  });
}
