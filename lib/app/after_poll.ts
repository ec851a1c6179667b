import type { Lease } from "../state/leases.ts";
import type { StateDb } from "../state/state_db.ts";
import type { CommandContext } from "./command_context.ts";
import { keepSoLong } from "./keep_so_long.ts";
import { patternSearch } from "./pattern_search.ts";

/**
 * What is done under the lease once a poll ended: looking for patterns, then taking away what is older than `retention` says.
 * `sliceMs`: what the second may take between two polls.
 */
export function afterPoll(
  context: Pick<CommandContext, "config" | "clock">,
  db: StateDb,
  sliceMs?: number,
): (lease: Lease, signal: AbortSignal) => Promise<void> {
  const find = patternSearch({ ...context, db });
  const keep = keepSoLong(context, db, sliceMs);
  return async (lease, signal) => {
    await find(lease, signal);
    await keep(lease, signal);
  };
}
