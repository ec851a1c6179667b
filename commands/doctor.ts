import { Command } from "@commander-js/extra-typings";
import { execute, withCommon } from "./common.ts";

export const doctorCommand = withCommon(new Command("doctor"))
  .option("--json", "print the result as JSON")
  .action((flags, command) =>
    execute(command, { needs: ["lms", "state", "delivery"], onlyLooks: true }, async (context) => {
      const { runDoctor } = await import("../lib/app/doctor.ts");
      return await runDoctor(context, { json: flags.json ?? false });
    })
  );
