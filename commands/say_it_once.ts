import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { UsageError } from "../lib/base/errors.ts";
import { walkArgs } from "./walk_args.ts";

/**
 * Throws UsageError for a flag that is given twice with two values: the parser would take the last one, and who wrote
 * `release --poll 3 --poll 4` would not see that poll 3 stays held. The program's own flags may come twice, since aliases and
 * scripts put them in front.
 */
export function requireOnce(program: CommandUnknownOpts, args: readonly string[]): void {
  const seen = new Map<string, string | undefined>();
  for (const walked of walkArgs(program, args)) {
    if (!("flag" in walked) || walked.isGlobal) continue;
    const { flag, value } = walked;
    const name = flag.long ?? flag.flags;
    if (seen.has(name) && seen.get(name) !== value) {
      const takesList = /S>$/.test(flag.flags); // --type <TYPES>
      throw new UsageError(`${name} is given twice, with two values`, {
        hint: takesList
          ? `Several go behind one: ${name} A,B`
          : "Give it once; what is meant for two takes two commands",
      });
    }
    seen.set(name, value);
  }
}
