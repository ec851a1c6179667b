import { Command } from "@commander-js/extra-typings";
import { execute, withCommon } from "./common.ts";

const isConfigured = (name: string | undefined) => name === undefined || name === "custom";

const showCommand = withCommon(new Command("show"))
  .description("print how the tables of an LMS are read, as YAML that could be a mapping")
  .argument("[NAME]", "testpress, moodle, custom (the one of lms.mapping), or a file with a mapping")
  .option("--json", "print the result as JSON")
  .action((name, flags, command) =>
    // One that is named is looked at before there is a configuration: it is what a mapping is written from.
    execute(command, { needs: isConfigured(name) ? ["lms"] : [], onlyLooks: true }, async (context) => {
      const { runPresetShow } = await import("../lib/app/preset.ts");
      return await runPresetShow(context, { name: name ?? null, json: flags.json ?? false });
    })
  );

const checkCommand = withCommon(new Command("check"))
  .description("try it against the LMS: problems, warnings, plans, rows a second, five sample events; stores nothing")
  .argument("[NAME]", "testpress, moodle, custom (the one of lms.mapping), or a file with a mapping")
  .option("--json", "print the result as JSON")
  .action((name, flags, command) =>
    execute(command, { needs: ["lms"], onlyLooks: true }, async (context) => {
      const { runPresetCheck } = await import("../lib/app/preset.ts");
      return await runPresetCheck(context, { name: name ?? null, json: flags.json ?? false });
    })
  );

export const presetCommand = withCommon(new Command("preset"))
  .addCommand(showCommand)
  .addCommand(checkCommand);
