import { Argument, Command } from "@commander-js/extra-typings";
import type { ExplainOptions } from "../lib/app/command_options.ts";
import { UsageError } from "../lib/base/errors.ts";
import { parseTimePast } from "../lib/text/parse_time.ts";
import { execute, notEmpty, wholeNumberFrom, withCommon } from "./common.ts";

const WAYS = "lmsmon explain event N | student ID | mentor ID | --student ID --mentor ID [--exam ID], --since TIME";

export const explainCommand = withCommon(new Command("explain"))
  .addArgument(new Argument("[WHAT]", "event, student or mentor").choices(["event", "student", "mentor"] as const))
  .argument("[ID]", "of the event; of a person the LMS's id, the username or the pseudonym")
  .option("--student <STUDENT>", "what was told of this student …", notEmpty)
  .option("--mentor <MENTOR>", "… to this mentor, and why not", notEmpty)
  .option("--exam <ID>", "only of this exam", notEmpty)
  .option("--since <TIME>", "only events detected at or after: 7d (ago), 2026-11-20, yesterday", notEmpty)
  .option("--limit <N>", "the newest events, at most so many (default: 20)", wholeNumberFrom(1))
  .option("--json", "print the result as JSON")
  .action((what, id, flags, command) => {
    const about = aboutWhat(what, id, flags);
    return execute(command, { needs: ["state"], onlyLooks: true }, async (context) => {
      const since = flags.since === undefined
        ? null
        : parseTimePast("--since", flags.since, context.clock.now(), context.config.notify.timezone);
      const { runExplain } = await import("../lib/app/explain.ts");
      return await runExplain(context, { about, since, limit: flags.limit ?? 20, json: flags.json ?? false });
    });
  });

interface Flags {
  readonly student?: string;
  readonly mentor?: string;
  readonly exam?: string;
  readonly since?: string;
}

function aboutWhat(what: string | undefined, id: string | undefined, flags: Flags): ExplainOptions["about"] {
  const wrong = (message: string) => new UsageError(`Cannot explain: ${message}`, { hint: WAYS });
  if (what !== undefined && id === undefined) throw wrong(`${what} needs an id`);
  if (what === "event") {
    if (flags.student ?? flags.mentor ?? flags.exam ?? flags.since) throw wrong("an event needs no flags");
    if (!/^\d{1,18}$/.test(id ?? "")) throw wrong(`${JSON.stringify((id ?? "").slice(0, 40))} is no event id`);
    return { kind: "event", id: BigInt(id ?? "").toString() };
  }
  if (what === "student" && flags.student !== undefined || what === "mentor" && flags.mentor !== undefined) {
    throw wrong(`the ${what} is given twice`);
  }
  const student = what === "student" ? id : flags.student;
  const mentor = what === "mentor" ? id : flags.mentor;
  if (student !== undefined) {
    return { kind: "student", who: student, mentor: mentor ?? null, exam: flags.exam ?? null };
  }
  if (mentor === undefined) throw wrong("say what");
  if (flags.exam !== undefined) throw wrong("--exam needs a student");
  return { kind: "mentor", who: mentor };
}
