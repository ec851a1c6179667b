import type { LmsSource } from "../source/lms_source.ts";
import { logger } from "../base/log.ts";
import { RepeatedError } from "../base/repeated_error.ts";
import { DryOverlay, dryRun } from "../poll/dry_run.ts";
import { stateKnownRows } from "../poll/state_edges.ts";
import type { StateDb } from "../state/state_db.ts";
import type { CommandContext } from "./command_context.ts";
import { DryTeller } from "./dry_messages.ts";
import { pollSettings } from "./open_parts.ts";
import { printDryRun } from "./poll_report.ts";

/** `watch --dry-run`: shows at every interval what would be stored and told, and changes nothing. */
export async function watchDry(
  context: CommandContext,
  db: StateDb,
  lms: LmsSource,
  acceptSource: boolean,
): Promise<void> {
  const { config, clock, out, stop } = context;
  await using teller = new DryTeller({ db, config, clock, source: lms.name });
  const overlay = new DryOverlay(stateKnownRows(db));
  const trouble = new RepeatedError("Polling", logger("poll"), clock);
  let lastFullMs: number | null = null;
  while (!stop.soft.aborted) {
    const startedMs = clock.monotonicMs();
    try {
      const full = lastFullMs === null || startedMs - lastFullMs >= config.poll.fullPassMs;
      const dry = await dryRun(
        { db, lms, clock, settings: pollSettings(config) },
        { mode: full ? "full" : "quick", notifyHistory: false, acceptSource, signal: stop.hard },
        overlay,
      );
      if (full && dry.failed === null) lastFullMs = startedMs;
      const planned = await teller.plan(dry);
      if (dry.tally.events > 0 || planned.messages.length > 0) {
        await printDryRun(out, lms.name, dry, planned, 0, (ids) => lms.shownKeys(ids));
      } else if (lastFullMs === startedMs) out.writeLine("Dry run: nothing new so far");
      if (dry.failed !== null) throw dry.failed;
      trouble.succeeded();
    } catch (error) {
      if (stop.hard.aborted) return;
      trouble.failed(error);
    }
    await clock.sleep(config.poll.intervalMs - (clock.monotonicMs() - startedMs), stop.soft);
  }
}
