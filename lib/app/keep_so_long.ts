import { logger } from "../base/log.ts";
import { Retention } from "../privacy/retention.ts";
import type { Lease } from "../state/leases.ts";
import type { StateDb } from "../state/state_db.ts";
import type { CommandContext } from "./command_context.ts";

/** Work between two polls of a daemon. */
const SLICE_MS = 1_000;

/** What takes away, after a poll, what is older than `retention` says. */
export function keepSoLong(
  { config, clock }: Pick<CommandContext, "config" | "clock">,
  db: StateDb,
  sliceMs = SLICE_MS,
): (lease: Lease, signal: AbortSignal) => Promise<void> {
  const { retention: keep, lms: { name: source } } = config;
  if (keep === undefined) return () => Promise.resolve();
  const retention = new Retention({ db, clock, log: logger("retention"), source, keep, sliceMs });
  return (lease, signal) => retention.afterPoll(lease, signal);
}
