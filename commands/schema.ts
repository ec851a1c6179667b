import { Argument, Command } from "@commander-js/extra-typings";
import { standardOutput } from "../lib/base/output.ts";
import { withCommon } from "./common.ts";

export const schemaCommand = withCommon(new Command("schema"))
  .addArgument(
    new Argument("<LINE>", "which line").choices(["event", "latest", "student", "week", "pattern", "erasure"] as const),
  )
  .option("--json", "it always is")
  .action(async (line) => {
    const { jsonSchemaOf } = await import("../lib/export/line_schemas.ts");
    standardOutput.writeLine(JSON.stringify(jsonSchemaOf(line), null, 2));
  });
