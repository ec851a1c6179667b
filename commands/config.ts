import { Command } from "@commander-js/extra-typings";
import { execute, withCommon } from "./common.ts";

export const configCommand = withCommon(new Command("config"))
  .option("--check", "only say whether watch could start with it, or every problem and where it is")
  .option("--changed", "only what is not the default")
  .option("--json", "print the result as JSON")
  .action((flags, command) => {
    const { check = false, changed = false, json = false } = flags;
    const needs = check ? ["lms", "state", "delivery"] as const : [];
    return execute(command, { needs }, async (context) => {
      const { runConfig } = await import("../lib/app/config.ts");
      return runConfig(context, { check, changed, json });
    });
  });
