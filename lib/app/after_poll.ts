import type { Lease } from "../state/leases.ts";
import type { StateDb } from "../state/state_db.ts";
import type { CommandContext } from "./command_context.ts";
import { keepSoLong } from "./keep_so_long.ts";
import { patternSearch } from "./pattern_search.ts";
import { weeklyLetters } from "./weekly_letters.ts";

/**
 * What is done under the lease once a poll ended: looking for patterns, writing weekly messages, then taking away what is older than
 * `retention` says. `sliceMs`: what the last may take between two polls.
 */
export function afterPoll(
  context: Pick<CommandContext, "config" | "clock">,
  db: StateDb,
  sliceMs?: number,
): (lease: Lease, signal: AbortSignal) => Promise<void> {
  const find = patternSearch({ ...context, db });
  const write = weeklyLetters({ ...context, db });
  const keep = keepSoLong(context, db, sliceMs);
  return async (lease, signal) => {
    await find(lease, signal);
    await write(lease, signal);
    await keep(lease, signal);
  };
}
