import { Command } from "@commander-js/extra-typings";
import { execute, withCommon } from "./common.ts";

export const doctorCommand = withCommon(new Command("doctor"))
  .description("check configuration, LMS, state database and Zulip; names what is wrong and the remedy")
  .option("--json", "print the result as JSON")
  .action((flags, command) =>
    execute(command, { needs: ["lms", "state", "delivery"] }, async (context) => {
      const { runDoctor } = await import("../lib/app/doctor.ts");
      return await runDoctor(context, { json: flags.json ?? false });
    })
  );
