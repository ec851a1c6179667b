import { logger } from "../base/log.ts";
import { Retention } from "../privacy/retention.ts";
import type { StateDb } from "../state/state_db.ts";
import type { CommandContext } from "./command_context.ts";
import type { AfterPoll } from "./once_due.ts";
import { patternSearch } from "./pattern_search.ts";
import { weeklyLetters } from "./weekly_letters.ts";

/** Retention's work between two polls of a daemon. */
const SLICE_MS = 1_000;

/**
 * What is done under the lease once a poll ended: looking for patterns, writing weekly messages, then taking away what is older than
 * `retention` says. `sliceMs`: what the last may take between two polls.
 */
export function afterPoll(
  context: Pick<CommandContext, "config" | "clock">,
  db: StateDb,
  sliceMs?: number,
): AfterPoll {
  const find = patternSearch({ ...context, db });
  const write = weeklyLetters({ ...context, db });
  const keep = keepSoLong(context, db, sliceMs);
  return async (lease, signal) => {
    await find(lease, signal);
    await write(lease, signal);
    await keep(lease, signal);
  };
}

/** What takes away, after a poll, what is older than `retention` says. */
function keepSoLong(
  { config, clock }: Pick<CommandContext, "config" | "clock">,
  db: StateDb,
  sliceMs = SLICE_MS,
): AfterPoll {
  const { retention: keep, source: { name: source } } = config;
  if (keep === undefined) return () => Promise.resolve();
  const retention = new Retention({ db, clock, log: logger("retention"), source, keep, sliceMs });
  return (lease, signal) => retention.afterPoll(lease, signal);
}
