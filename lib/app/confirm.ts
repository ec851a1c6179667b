import { askLine, canAsk } from "../base/ask.ts";
import { CommandError, UsageError } from "../base/errors.ts";

export interface Confirmation {
  /** What is about to be done, with its size: `Drop 2 messages of poll 88, never to be told`. */
  readonly what: string;
  /** `--yes`. */
  readonly yes: boolean;
  /** The flags themselves say already that it is meant (`release --drop --reason TEXT`): a script needs no `--yes`. */
  readonly isSaid?: boolean;
}

/**
 * THE way in which a command that destroys something makes sure: `--yes` does it, a person on a terminal is asked, and a script
 * that does not say `--yes` is refused. Call it once it is known what would be done, and not with `--dry-run`.
 */
export function confirm({ what, yes, isSaid = false }: Confirmation): void {
  if (yes || isSaid && !canAsk()) return;
  if (!canAsk()) {
    throw new UsageError(`Cannot go on without --yes: ${what}, and that cannot be taken back`, {
      hint: "--dry-run shows what it would do",
    });
  }
  const answer = askLine(`${what}? That cannot be taken back. Type yes to go on`);
  if (answer.toLowerCase() !== "yes") throw new CommandError("Nothing was done, since the answer was not yes");
}
