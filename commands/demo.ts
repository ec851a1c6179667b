import { Command } from "@commander-js/extra-typings";
import { execute, wholeNumberFrom, withCommon } from "./common.ts";

export const demoCommand = withCommon(new Command("demo"))
  .option("--seed <N>", "of the made-up students and exams", wholeNumberFrom(0), 1)
  .action((flags, command) =>
    execute(command, { needs: [], standalone: true, daemon: true }, async (context) => {
      const { runDemo } = await import("../lib/app/demo.ts");
      return await runDemo(context, { seed: flags.seed });
    })
  );
