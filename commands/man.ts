import { Command } from "@commander-js/extra-typings";
import { standardOutput } from "../lib/base/output.ts";
import { withCommon } from "./common.ts";

export const manCommand = withCommon(new Command("man"))
  .action(async (_flags, command) => {
    const { manPage } = await import("../lib/app/man_page.ts");
    const { describeProgram } = await import("./describe_program.ts");
    const { buildInfo } = await import("../lib/app/build_info.ts");
    if (command.parent !== null) {
      standardOutput.writeLine(manPage(describeProgram(command.parent), buildInfo().date ?? "").trimEnd());
    }
  });
