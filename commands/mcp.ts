import { Command } from "@commander-js/extra-typings";
import { execute, notEmpty, withCommon } from "./common.ts";

export const mcpCommand = withCommon(new Command("mcp"))
  .option("--identified", "ids, usernames and names of people instead of pseudonyms")
  .option("--mentor <ID>", "only this mentor's students may be seen, by LMS id or username", notEmpty)
  .action((flags, command) =>
    execute(command, { needs: ["state"], daemon: true }, async (context) => {
      const { runMcp } = await import("../lib/app/mcp.ts");
      return await runMcp(context, { identified: flags.identified ?? false, mentor: flags.mentor ?? null });
    })
  );
