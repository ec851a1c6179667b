import { Command } from "@commander-js/extra-typings";
import { parseTimeToCome } from "../lib/text/parse_time.ts";
import { execute, notEmpty, withCommon } from "./common.ts";
import { UsageError } from "../lib/base/errors.ts";
import type { PauseSubject } from "../lib/app/command_options.ts";

export const pauseCommand = withCommon(new Command("pause"))
  .requiredOption("--reason <TEXT>", "why; kept with the pause and in the audit, so name nobody", notEmpty)
  .option(
    "--until <TIME>",
    "2h (from now), tomorrow, 2026-11-21, or a time with its zone; default: until resume",
    notEmpty,
  )
  .option("--mentor <MENTOR>", "only what this mentor would be told; by LMS id, username or pseudonym", notEmpty)
  .option("--student <STUDENT>", "only news of this student", notEmpty)
  .option("--exam <ID>", "only news of this exam", notEmpty)
  .option("--yes", "take an id that no event names yet")
  .option("--dry-run", "show what would be done, change nothing")
  .option("--json", "print the result as JSON")
  .action((flags, command) => {
    const subject = pauseSubject("pause", flags);
    return execute(command, { needs: ["state"] }, async (context) => {
      const { timezone } = context.config.notify;
      const until = flags.until === undefined
        ? null
        : parseTimeToCome("--until", flags.until, context.clock.now(), timezone);
      const { runPause } = await import("../lib/app/pause.ts");
      const { reason, dryRun = false, json = false } = flags;
      return await runPause(context, { subject, until, reason, dryRun, json });
    });
  });

/** The one of `--mentor`, `--student` and `--exam` that was given; `null`: everything is meant. */
export function pauseSubject(
  action: string,
  { mentor, student, exam, yes }: { mentor?: string; student?: string; exam?: string; yes?: true },
): PauseSubject | null {
  const given = [["mentor", mentor], ["student", student], ["exam", exam]] as const;
  const [first, second] = given.flatMap(([kind, who]): PauseSubject[] =>
    who === undefined ? [] : [{ kind, who, mayBeUnknown: yes ?? false }]
  );
  if (second !== undefined) {
    throw new UsageError(`Cannot ${action}: --${first?.kind} and --${second.kind} are both given`, {
      hint: `one of --mentor, --student and --exam, or none for everything; ${action} twice for two things`,
    });
  }
  return first ?? null;
}
