import { deliveryStats } from "../../sql/state/stats.ts";
import type { LmsSource } from "../source/lms_source.ts";
import { createNotifier, type Notifier } from "../tell/notifier.ts";
import type { RoundResult } from "../tell/notify_types.ts";
import { CommandError, LmsError, ZulipError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { Metrics } from "../base/metrics.ts";
import { progressShower } from "../base/progress.ts";
import { checkSource } from "../poll/check_source.ts";
import { dryRun } from "../poll/dry_run.ts";
import { describeHolder, Holder } from "../poll/holder.ts";
import { LeaseKeeper } from "../poll/lease_keeper.ts";
import { type PollResult, runPoll } from "../poll/run_poll.ts";
import { leaseTimes, takeLease } from "../poll/take_lease.ts";
import type { Lease } from "../state/leases.ts";
import type { StateDb } from "../state/state_db.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson } from "./command_json.ts";
import { afterPoll } from "./after_poll.ts";
import { keepErased } from "./keep_erased.ts";
import type { PollOnceOptions } from "./command_options.ts";
import { DryTeller } from "./dry_messages.ts";
import { type ShownKeys, withOwnKeys } from "./own_keys.ts";
import { Pinger } from "./ping.ts";
import { OpenParts, pollSettings } from "./open_parts.ts";
import { nameStateTrouble } from "../state/state_errors.ts";
import { readUntoldNews } from "./untold_news.ts";
import { dryRunJson, pollJson, printDryRun, printPoll } from "./poll_report.ts";

/**
 * `poll-once`: one full poll and one delivery round. What could be stored is stored, and what could be sent is sent, before
 * an unreachable LMS or Zulip ends the command with 4.
 */
export async function runPollOnce(context: CommandContext, options: PollOnceOptions): Promise<number | void> {
  const { config, out } = context;
  if (!config.enabled) {
    if (options.json) out.writeJson(commandJson("poll-once", { source: config.source.name, enabled: false }));
    else out.writeLine("lmsmon is switched off (enabled: false): nothing was polled");
    return;
  }
  await using parts = new OpenParts(config);
  const db = await parts.state({ dryRun: options.dryRun });
  const lms = await parts.lms();
  if (options.dryRun) return await runDry(context, options, db, lms);
  await keepErased(context, db);

  const tells = options.notify && config.notify.enabled;
  const notifier = tells ? openNotifier(context, db, parts, options.takeOver) : null;
  const failures: unknown[] = [];
  let poll: PollResult | null = null;
  try {
    poll = await pollUnderLease(context, options, db, lms, notifier);
  } catch (error) {
    // What earlier polls left to tell is told even though the LMS is away.
    if (!(error instanceof LmsError)) throw nameStateTrouble(config.state.url, error);
    failures.push(error);
  }
  let round: RoundResult | null = null;
  if (notifier && !context.stop.soft.aborted) {
    round = await notifier.round({ stop: context.stop.soft, hard: context.stop.hard });
    if (round.guarded) failures.push(new CommandError(`Cannot send: ${round.trouble}`));
    else if (round.circuit !== "closed") {
      failures.push(new ZulipError("failed", `Cannot deliver everything: ${round.trouble ?? "Zulip is away"}`));
    }
  }
  const untold = await readUntoldNews(db, lms.name, { ...options, enabled: config.notify.enabled });
  if (options.json) out.writeJson(pollJson(lms.name, { poll, round, untold }));
  else printPoll(out, lms.name, { poll, round, untold }, config.notify.timezone);
  if (failures.length > 0) throw failures[0];
  await new Pinger(logger("health")).ping(config.health?.pingUrl ?? null, context.stop.soft);
  context.stop.soft.throwIfAborted(); // what the round left over is sent by the next one
}

/** Longer than some watches that wait for the confirmation take to look at the LMS, one after the other. */
const LOOKS_MS = 5_000;

/** Throws CommandError, which says who it is, when another process polls. */
async function pollUnderLease(
  context: CommandContext,
  options: PollOnceOptions,
  db: StateDb,
  lms: LmsSource,
  notifier: Notifier | null,
): Promise<PollResult> {
  const { config, clock, stop } = context;
  const { ttlMs } = leaseTimes(config.poll.intervalMs);
  using holder = Holder.open();
  // Whoever waits for this very confirmation has the lease for as long as each of its looks at the LMS takes.
  const waitMs = Math.max(options.wait ? ttlMs : 0, options.acceptSource ? LOOKS_MS : 0);
  const lease = await leaseToPoll(context, { waitMs, asked: options.wait }, db, lms.name, holder.name, ttlMs);
  await using keeper = new LeaseKeeper(db, lease, ttlMs, clock);
  await checkSource(db, lms, logger("poll"), options.acceptSource);
  const telling: Promise<void>[] = [];
  const signal = AbortSignal.any([stop.soft, stop.hard, keeper.signal]);
  const result = await runPoll(
    {
      db,
      lms,
      clock,
      settings: pollSettings(config),
      showProgress: progressShower(clock, logger("poll")),
      onHeld: () => {
        if (!notifier) return;
        telling.push(
          notifier.pollHeld().catch((error) => logger("poll").warning("Cannot tell the administrator", { error })),
        );
      },
    },
    lease,
    {
      mode: "full",
      notifyHistory: options.notifyHistory,
      signal,
    },
  ).finally(() => Promise.all(telling));
  await afterPoll(context, db, Infinity)(lease, signal);
  return result;
}

async function leaseToPoll(
  context: CommandContext,
  { waitMs, asked }: { readonly waitMs: number; readonly asked: boolean },
  db: StateDb,
  source: string,
  holder: string,
  ttlMs: number,
): Promise<Lease> {
  const { clock, stop } = context;
  const untilMs = clock.monotonicMs() + waitMs;
  while (true) {
    const taken = await takeLease(db, source, holder, ttlMs);
    if (taken.lease) return taken.lease;
    stop.soft.throwIfAborted();
    if (clock.monotonicMs() >= untilMs) {
      throw new CommandError(`Cannot poll "${source}" now: it is being polled by ${describeHolder(taken.holder)}`, {
        hint: asked
          ? "that poller finds the same; stop it, or leave the polling to it"
          : "that poller finds the same: leave the polling to it, stop it, or wait for it with --wait",
      });
    }
    await clock.sleep(Math.min(500, ttlMs / 5), stop.soft);
  }
}

/** What delivers for a command; throws ConfigError when Zulip's address or credentials are missing. */
export function openNotifier(
  context: CommandContext,
  db: StateDb,
  parts: OpenParts,
  takeOver: boolean,
  metrics: Metrics | null = null,
): Notifier {
  const { config, clock } = context;
  if (config.notify.redirectTo) {
    logger("notify").warning(
      "A trial: every message goes to {to} (notify.redirect_to), and is never told to anybody else",
      {
        to: config.notify.redirectTo,
      },
    );
  }
  return createNotifier({
    db,
    zulip: parts.zulip(),
    config,
    clock,
    log: logger("notify"),
    source: config.source.name,
    takeOver,
    metrics,
  });
}

async function runDry(context: CommandContext, options: PollOnceOptions, db: StateDb, lms: LmsSource): Promise<void> {
  const { config, clock, out, stop } = context;
  const dry = await dryRun(
    { db, lms, clock, settings: pollSettings(config) },
    {
      mode: "full",
      notifyHistory: options.notifyHistory,
      acceptSource: options.acceptSource,
      signal: AbortSignal.any([stop.soft, stop.hard]),
    },
  );
  await using teller = new DryTeller({ db, config, clock, source: lms.name });
  const planned = await teller.plan(dry);
  const pending = config.notify.enabled ? await pendingDeliveries(db, lms.name) : 0;
  const shown: ShownKeys = (ids) => lms.shownKeys(ids);
  if (options.json) out.writeJson(await withOwnKeys(dryRunJson(lms.name, dry, planned, pending), shown));
  else await printDryRun(out, lms.name, dry, planned, pending, shown);
  if (dry.failed !== null) throw dry.failed;
  if (planned.notAsked instanceof ZulipError) throw planned.notAsked; // what there is to say was said
}

/** What earlier polls left to tell now (`--no-notify`, an outage). */
async function pendingDeliveries(db: StateDb, source: string): Promise<number> {
  const stats = await deliveryStats(db.sql);
  return stats.filter((row) => row.source === source && row.status === "pending")
    .reduce((sum, row) => sum + Number(row.deliveries), 0);
}
