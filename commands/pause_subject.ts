import { UsageError } from "../lib/base/errors.ts";
import type { PauseSubject } from "../lib/app/command_options.ts";

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
