import type { LmsSource } from "../source/lms_source.ts";
import type { Config } from "../config/config.ts";
import type { Notifier } from "../tell/notifier.ts";
import type { RoundResult } from "../tell/notify_types.ts";
import { MICROS_PER_SECOND } from "../model/time.ts";
import { LmsError } from "../base/errors.ts";
import { type Logger, logger } from "../base/log.ts";
import { createMetrics, type Metrics } from "../base/metrics.ts";
import { counted } from "../text/counted.ts";
import { progressShower } from "../base/progress.ts";
import { RepeatedError } from "../base/repeated_error.ts";
import { untilAborted, untilLate } from "../base/shutdown.ts";
import { SourceWatch } from "../poll/check_source.ts";
import { Holder } from "../poll/holder.ts";
import { pollLoop } from "../poll/poll_loop.ts";
import type { PollResult } from "../poll/run_poll.ts";
import type { StateDb } from "../state/state_db.ts";
import { StatePresence } from "../state/state_presence.ts";
import manifest from "../../deno.json" with { type: "json" };
import type { CommandContext } from "./command_context.ts";
import type { WatchOptions } from "./command_options.ts";
import { deliverLoop, Wake } from "./deliver_loop.ts";
import { Health, serveHealth } from "./health_server.ts";
import { LiveConfig } from "./live_config.ts";
import { serveReloads } from "./reload_requests.ts";
import { Pinger } from "./ping.ts";
import { stayDisabled } from "./stay_disabled.ts";
import { OpenParts, pollSettings } from "./open_parts.ts";
import { openWatch } from "./open_watch.ts";
import { openNotifier } from "./poll_once.ts";
import { afterPoll } from "./after_poll.ts";
import { nameStateTrouble } from "../state/state_errors.ts";
import { watchDry } from "./watch_dry.ts";

/** `watch`: polls and delivers until the first signal, then finishes the round in hand. Trouble ends a round, never the daemon. */
export async function runWatch(context: CommandContext, options: WatchOptions): Promise<number | void> {
  const { config } = context;
  if (!config.enabled) return await stayDisabled(context);
  const metrics = createMetrics(manifest.version, config.source.name);
  await using parts = new OpenParts(config, metrics);
  const opened = await openWatch(context, options, parts);
  if (opened === null) return;
  const { db, lms } = opened;
  if (options.dryRun) return await watchDry(context, db, lms, options.acceptSource);
  const tells = options.notify && config.notify.enabled;
  const live = new LiveConfig(config);
  const notifierOf = (config: Config, takeOver: boolean) =>
    options.notify && config.notify.enabled ? openNotifier({ ...context, config }, db, parts, takeOver, metrics) : null;
  const notifier = tells ? notifierOf(config, options.takeOver) : null;
  const ended = new AbortController();
  const stop = { soft: AbortSignal.any([context.stop.soft, ended.signal]), hard: context.stop.hard };
  // What would deliver by the new configuration is tried before it takes the old one's place.
  const check = async (next: Config) => {
    if (options.notify && next.notify.enabled) await parts.zulip().reloadCredentials();
  };
  const reloads = serveReloads({
    db,
    source: lms.name,
    live,
    check,
    log: logger("watch"),
    context: { ...context, stop },
  });
  const presence = StatePresence.of(config.state.url);
  const watching = watch(context, {
    db,
    lms,
    notifier,
    acceptSource: options.acceptSource,
    metrics,
    live,
    renewNotifier: (config) => notifierOf(config, false),
  });
  try {
    const clean = await Promise.race([watching, untilGone(presence, context)]);
    ended.abort();
    if (clean) await reloads;
    else parts.hurry();
  } catch (error) {
    watching.catch(() => {}); // nobody waits any more for what works on deleted files
    parts.hurry();
    throw error;
  } finally {
    ended.abort();
  }
}

const LOOK_FOR_STATE_MS = 2_000;

/** Never resolves; throws when the state was deleted under this process, which no statement may ever notice. */
async function untilGone(presence: StatePresence | null, { clock, stop }: CommandContext): Promise<never> {
  while (presence !== null && !stop.hard.aborted) {
    presence.check();
    // A stop in between: what was deleted just before it must not pass for stored.
    await clock.sleep(LOOK_FOR_STATE_MS, stop.soft);
    if (stop.soft.aborted) {
      presence.check();
      break;
    }
  }
  return await new Promise<never>(() => {});
}

export interface WatchParts {
  readonly db: StateDb;
  readonly lms: LmsSource;
  /** `null` while `notify.enabled` is false, or with --no-notify. */
  readonly notifier: Notifier | null;
  readonly acceptSource: boolean;
  /** Those that the parts count in; own ones when left out. */
  readonly metrics?: Metrics;
  /** The configuration that may be exchanged meanwhile, and what then delivers by the new one. */
  readonly live?: LiveConfig;
  readonly renewNotifier?: (config: Config) => Notifier | null;
  /** What a poll found; the demo shows it. */
  readonly onPoll?: (result: PollResult) => void;
}

/**
 * The daemon over open parts; resolves when it was stopped: true when both loops ended, false when one still waits for a
 * peer that does not answer.
 */
export async function watch(context: Omit<CommandContext, "out">, parts: WatchParts): Promise<boolean> {
  const { config, clock } = context;
  const live = parts.live ?? new LiveConfig(config);
  let { notifier } = parts;
  const log = logger("watch");
  const metrics = parts.metrics ?? createMetrics(manifest.version, config.source.name);
  const health = new Health(clock, config.poll.intervalMs);
  const server = config.listen === null ? null : serveHealth({ ...config.listen, clock }, health, metrics);
  health.pacedBy(() => notifier?.heldBackMs() ?? 0);
  using holder = Holder.open();
  const wake = new Wake();
  const pinger = new Pinger(logger("health"));
  const source = new SourceWatch(parts.db, parts.lms, logger("poll"), parts.acceptSource);
  // What is in hand at the first signal may end; a peer that answers no more must not keep the process.
  const late = new AbortController();
  const ended = new AbortController();
  const stop = { soft: context.stop.soft, hard: AbortSignal.any([context.stop.hard, late.signal]) };
  try {
    const polling = withEach(live, stop.soft, (config, soft) => {
      health.pollsEvery(config.poll.intervalMs);
      return pollLoop({
        db: parts.db,
        lms: parts.lms,
        clock,
        log: logger("poll"),
        settings: pollSettings(config),
        holder: holder.name,
        intervalMs: config.poll.intervalMs,
        fullPassMs: config.poll.fullPassMs,
        trouble: troubleOf("Polling", logger("poll"), context),
        checkSource: (thorough) => source.check(thorough),
        source,
        showProgress: progressShower(clock, logger("poll")),
        onHeld: () => notifier?.pollHeld(),
        onPoll: (result, tookMs) => {
          observePoll(metrics, result, tookMs, clock.now() / MICROS_PER_SECOND);
          health.good(false);
          if (!health.isBlocked) void pinger.ping(config.health?.pingUrl ?? null, stop.hard);
          sayFound(log, result, tookMs);
          if (result.tally.eventsToTell > 0) wake.wake();
          parts.onPoll?.(result);
        },
        afterPoll: afterPoll({ config, clock }, parts.db),
        onRole: (leading) => {
          metrics.leading.set(leading ? 1 : 0);
          if (!leading) health.good(true);
        },
        onConfirmed: () => health.confirmed(),
        onFailure: (error) => {
          metrics.polls.inc({ mode: "any", result: "failed" });
          if (error instanceof LmsError && error.reason === "identity") health.refused();
        },
      }, { soft, hard: stop.hard });
    });
    const delivering = withEach(live, stop.soft, async (config, soft) => {
      if (config !== context.config) notifier = parts.renewNotifier?.(config) ?? null;
      if (notifier === null) {
        // Nothing is to be delivered, so nothing is in its way.
        health.delivery(null);
        metrics.blocked.set(0);
        metrics.oldestDue.set(0);
        return await untilAborted(soft);
      }
      await deliver({ config, clock, stop: { soft, hard: stop.hard } }, notifier, metrics, health, wake);
    });
    const loops = Promise.all([polling, delivering]).then(() => true);
    const patience = untilLate(stop.soft, late, ended.signal, clock).then(() => false);
    const clean = await Promise.race([loops, patience]);
    loops.catch(() => {}); // when it is late, nobody waits for them any more
    if (clean) log.info("Stopped cleanly");
    else log.warning("Stopped although something still waits for an answer; the next start finds the rest");
    return clean;
  } finally {
    ended.abort();
    await server?.shutdown();
  }
}

function sayFound(log: Logger, result: PollResult, tookMs: number): void {
  if (result.firstContact.length > 0) {
    const { tally: { events }, firstContact: kinds } = result;
    const found = counted(events, "event");
    log.info("First contact: {found} of the past stored and told to nobody", { found, events, kinds });
  } else if (result.tally.events > 0) {
    const { pollId, tally: { events, rowsRead } } = result;
    const found = counted(events, "event");
    log.info("Found {found}", { found, events, rowsRead, pollId, tookMs: Math.round(tookMs) });
  }
  if (result.tally.neverTold > 0) {
    log.warning(
      "Never told: {neverTold} of these events, since notifications are off (notify.enabled: false)",
      { neverTold: result.tally.neverTold },
    );
  }
}

/** Runs `loop` under each configuration, one after the other; each ends what it has in hand. */
async function withEach(
  live: LiveConfig,
  stop: AbortSignal,
  loop: (config: Config, soft: AbortSignal) => Promise<void>,
): Promise<void> {
  do await loop(live.config, AbortSignal.any([stop, live.changed])); while (!stop.aborted);
}

function deliver(
  { config, clock, stop }: Pick<CommandContext, "config" | "clock" | "stop">,
  notifier: Notifier,
  metrics: Metrics,
  health: Health,
  wake: Wake,
): Promise<void> {
  return deliverLoop(
    {
      clock,
      intervalMs: config.poll.intervalMs,
      trouble: troubleOf("Delivery", logger("notify"), { config, clock }),
      round: async () => {
        const round = await notifier.round({ stop: stop.soft, hard: stop.hard });
        observeRound(metrics, round);
        health.delivery(blockOf(round));
      },
      nextDueAt: () => notifier.nextDueAt(),
    },
    wake,
    stop,
  );
}

function troubleOf(what: string, log: Logger, { config, clock }: Pick<CommandContext, "config" | "clock">) {
  const repeated = new RepeatedError(what, log, clock);
  return {
    failed: (error: unknown) => repeated.failed(nameStateTrouble(config.state.url, error)),
    succeeded: () => repeated.succeeded(),
  };
}

function observePoll(metrics: Metrics, { tally, verdict, ...poll }: PollResult, tookMs: number, nowS: number): void {
  const mode = tally.skippedFullPass ? "skipped" : poll.mode;
  metrics.polls.inc({ mode, result: "ok" });
  metrics.pollSeconds.observe(tookMs / 1000, { mode });
  metrics.lastPoll.set(nowS);
  metrics.rowsRead.inc({}, tally.rowsRead);
  metrics.quarantined.set(tally.quarantined);
  metrics.unreadableTexts.set(tally.unreadableTexts);
  for (const [type, n] of tally.byType) metrics.events.inc({ type }, n);
  for (const [reason, n] of tally.byReasonNotTold) metrics.suppressed.inc({ reason }, n);
  if (verdict.delivery === "held") metrics.heldPolls.inc({});
}

function observeRound(metrics: Metrics, round: RoundResult): void {
  if (round.dead > 0) metrics.ended.inc({ status: "dead" }, round.dead);
  for (const status of UNFINISHED) metrics.deliveries.set(round.unfinished.get(status) ?? 0, { status });
  metrics.waiting.reset();
  for (const { reason, deliveries } of round.waits) metrics.waiting.set(deliveries, { reason });
  metrics.oldestDue.set(round.oldestDueS);
  metrics.blocked.set(blockOf(round) === null ? 0 : 1);
}

const UNFINISHED = ["waiting", "pending", "sending", "unknown", "held"];

/** Why nothing can be sent; `null`: it can. */
function blockOf({ guarded, circuit, trouble }: RoundResult): string | null {
  if (!guarded && circuit !== "open") return null;
  return `delivery is blocked: ${trouble ?? "Zulip does not answer"}`;
}
