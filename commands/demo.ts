import { Command } from "@commander-js/extra-typings";
import { execute, wholeNumberFrom, withCommon } from "./common.ts";

export const demoCommand = withCommon(new Command("demo"))
  .description("the whole thing with no server and no configuration: made-up students, real messages")
  .option("--seed <N>", "of the made-up students and exams", wholeNumberFrom(0), 1)
  .action((flags, command) =>
    execute(command, { needs: [], standalone: true }, async (context) => {
      const { runDemo } = await import("../lib/app/demo.ts");
      return await runDemo(context, { seed: flags.seed });
    })
  );
