/** Whether a person can be asked: somebody types here, and reads what is written. */
export const canAsk = (): boolean => Deno.stdin.isTerminal() && Deno.stdout.isTerminal();

/**
 * A line that a person types; `given` when it is left empty. `null`: no line comes any more (^D), or a signal came in its place (^C), which
 * the caller's stop then knows of.
 */
export async function askLine(question: string, given: string | null = null): Promise<string | null> {
  const line = prompt(given === null || given === "" ? `${question}:` : `${question} [${given}]:`);
  if (line !== null) return line.trim() === "" ? given ?? "" : line.trim();
  await new Promise((resolve) => setTimeout(resolve, 50)); // a signal is heard by the next turn of the event loop
  return null;
}
