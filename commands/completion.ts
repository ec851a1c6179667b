import { Argument, Command } from "@commander-js/extra-typings";
import { standardOutput } from "../lib/base/output.ts";
import { withCommon } from "./common.ts";

export const completionCommand = withCommon(new Command("completion"))
  .addArgument(new Argument("<SHELL>", "bash, zsh or fish").choices(["bash", "zsh", "fish"] as const))
  .action(async (shell, _flags, command) => {
    const { completionScript } = await import("../lib/app/completion_scripts.ts");
    const { describeProgram } = await import("./describe_program.ts");
    if (command.parent !== null) {
      standardOutput.writeLine(completionScript(shell, describeProgram(command.parent)).trimEnd());
    }
  });
