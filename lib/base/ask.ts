import { StoppedError } from "./errors.ts";

/** Whether a person can be asked: somebody types here, and reads what is written. */
export const canAsk = (): boolean => Deno.stdin.isTerminal() && Deno.stdout.isTerminal();

/**
 * A line that a person types; `given` when it is left empty. Throws StoppedError for ^C and ^D in its place: Deno's prompt does not tell
 * them apart, and takes the signal for itself.
 */
export function askLine(question: string, given: string | null = null): string {
  const line = prompt(given === null || given === "" ? `${question}:` : `${question} [${given}]:`);
  if (line === null) throw new StoppedError("SIGINT", { hint: "nothing was done" });
  return line.trim() === "" ? given ?? "" : line.trim();
}
