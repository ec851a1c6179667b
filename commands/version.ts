import { Command } from "@commander-js/extra-typings";
import { standardOutput } from "../lib/base/output.ts";
import { withCommon } from "./common.ts";

export const versionCommand = withCommon(new Command("version"))
  .option("--json", "print the result as JSON")
  .action(async (flags) => {
    const { printVersion } = await import("../lib/app/version.ts");
    printVersion(standardOutput, flags.json ?? false);
  });
