import type { Clock } from "../base/clock.ts";
import { describeError, errorChain } from "../base/describe_error.ts";
import { StoppedError } from "../base/errors.ts";
import { untilLate } from "../base/shutdown.ts";
import type { CommandContext } from "./command_context.ts";

/**
 * Runs a command that ends by itself so that a signal ends it after the batch in hand, and some seconds later also when a peer
 * that does not answer holds that up. Throws StoppedError when it was stopped; a command that was done by then keeps its result
 * and ends with the signal's exit code too, for whatever script started it.
 */
export async function runOneShot(
  stop: CommandContext["stop"],
  clock: Pick<Clock, "sleep">,
  work: (stop: CommandContext["stop"]) => Promise<number | void>,
): Promise<number> {
  const { soft } = stop;
  const late = new AbortController();
  const ended = new AbortController();
  const running = work({ soft, hard: AbortSignal.any([stop.hard, late.signal]) });
  const patience = untilLate(soft, late, ended.signal, clock).then(() => soft.throwIfAborted());
  try {
    const code = await Promise.race([running, patience]);
    return soft.aborted && soft.reason instanceof StoppedError ? soft.reason.exitCode : code ?? 0;
  } catch (error) {
    throw soft.aborted ? stoppedWith(soft.reason, error, late.signal.aborted) : error;
  } finally {
    ended.abort();
    running.catch(() => {}); // when it is late, nobody waits for it any more
    patience.catch(() => {});
  }
}

/** What ended the command is the signal; a failure of its own that came with it is named beside it. */
function stoppedWith(reason: unknown, error: unknown, late: boolean): unknown {
  if (!(reason instanceof StoppedError) || error instanceof StoppedError) return error;
  const because = late || errorChain(error).some(({ message }) => message.includes(reason.message));
  return because ? reason : reason.withHint(`before that: ${describeError(error).message}`, error);
}
