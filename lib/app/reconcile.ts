import type { Fallback } from "../config/config.ts";
import { type EpochMicros, formatUtc } from "../model/time.ts";
import { recordAct } from "../state/acts.ts";
import { channelsToScan, type ScanDeps, scanOwnMessages } from "../tell/scan_own_messages.ts";
import { lookBackSince, readBotFact } from "../tell/look_back.ts";
import type { SeenTally } from "../tell/seen_messages.ts";
import { counted } from "../text/counted.ts";
import { localTime } from "../text/local_time.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson, jsonTime } from "./command_json.ts";
import type { ReconcileOptions } from "./command_options.ts";
import { keepErased } from "./keep_erased.ts";
import { OpenParts } from "./open_parts.ts";

/** `reconcile`: reads the bot's own messages, direct and in channels, and marks what they show as sent; `--dry-run` only counts. */
export async function runReconcile(context: CommandContext, options: ReconcileOptions): Promise<number | void> {
  const { config, out, clock, stop } = context;
  await using parts = new OpenParts(config);
  const db = await parts.state({ dryRun: options.dryRun });
  if (!options.dryRun) await keepErased(context, db); // whom the texts that are read back may name
  const zulip = parts.zulip();
  const signal = AbortSignal.any([stop.soft, stop.hard]);
  const source = config.source.name;
  const { dryRun } = options;
  const since = options.since ?? lookBackSince(await readBotFact(db, source), clock.now());
  const tally = await reconcile(
    { db, zulip, clock, source, fallback: config.notify.fallback },
    { since, dryRun },
    signal,
  ).catch((error) => {
    stop.soft.throwIfAborted(); // the page in hand was marked; the request in hand broke off because of it
    throw error;
  });
  if (!dryRun && tally.reconciled > 0) {
    const effect = `${counted(tally.reconciled, "delivery", "deliveries")} marked as sent`;
    await recordAct(db.sql, { source, command: `reconcile --since ${formatUtc(since)}`, effect });
  }
  if (options.json) {
    out.writeJson(commandJson("reconcile", {
      dry_run: dryRun,
      since_at: jsonTime(since),
      messages: tally.marked,
      deliveries: tally.known,
      marked_sent: tally.reconciled,
      unknown_to_this_state: tally.foreign,
    }));
    return;
  }
  const did = dryRun ? "would be marked as sent" : "marked as sent";
  out.writeLine(
    `${counted(tally.marked, "notification")} of this bot since ${
      localTime(since, config.notify.timezone)
    } looked at, ${counted(tally.known, "delivery", "deliveries")} found`,
  );
  out.writeLine(`${tally.reconciled} ${did}`);
  if (tally.foreign === 0) return;
  const unknown = counted(tally.foreign, "delivery in them is", "deliveries in them are");
  out.writeLine(`${unknown} not known to this state: it has not seen what is told there (yet)`);
  out.writeLine(
    "Run `lmsmon poll-once --no-notify` and `lmsmon reconcile` again, or accept them with `lmsmon poll-once --take-over`",
  );
}

/** The work without its surroundings. Throws ZulipError. */
export async function reconcile(
  deps: ScanDeps & {
    readonly source?: string;
    readonly fallback?: Fallback;
  },
  options: { readonly since: EpochMicros; readonly dryRun: boolean },
  signal?: AbortSignal,
): Promise<SeenTally> {
  await deps.zulip.me(signal); // a bot that cannot read what it sent would find nothing, and say so
  const { since, dryRun } = options;
  const { source = "", fallback = null } = deps;
  const channels = await channelsToScan(deps.db, null, fallback, since);
  const scan = { since, source, fallback, channels, whole: true, dryRun, acceptedThrough: null };
  return await scanOwnMessages(deps, scan, signal);
}
