import type { LmsSource } from "../source/lms_source.ts";
import type { Notifier } from "../tell/notifier.ts";
import type { RoundResult } from "../tell/notify_types.ts";
import type { Clock } from "../base/clock.ts";
import { MICROS_PER_SECOND } from "../model/time.ts";
import { LmsError } from "../base/errors.ts";
import { type Logger, logger } from "../base/log.ts";
import { createMetrics, type Metrics } from "../base/metrics.ts";
import { counted } from "../text/counted.ts";
import { progressShower } from "../base/progress.ts";
import { RepeatedError } from "../base/repeated_error.ts";
import { SourceWatch } from "../poll/check_source.ts";
import { Holder } from "../poll/holder.ts";
import { pollLoop } from "../poll/poll_loop.ts";
import type { PollResult } from "../poll/run_poll.ts";
import type { StateDb } from "../state/state_db.ts";
import manifest from "../../deno.json" with { type: "json" };
import type { CommandContext } from "./command_context.ts";
import type { WatchOptions } from "./command_options.ts";
import { deliverLoop, Wake } from "./deliver_loop.ts";
import { Health, serveHealth } from "./health_server.ts";
import { OpenParts, pollSettings } from "./open_parts.ts";
import { openNotifier } from "./poll_once.ts";
import { nameStateTrouble } from "./state_trouble.ts";
import { watchDry } from "./watch_dry.ts";

/** `watch`: polls and delivers until the first signal, then finishes the round in hand. Trouble ends a round, never the daemon. */
export async function runWatch(context: CommandContext, options: WatchOptions): Promise<number | void> {
  const { config, out } = context;
  if (!config.enabled) {
    out.writeLine("lmsmon is switched off (enabled: false): nothing is watched");
    return;
  }
  const metrics = createMetrics(manifest.version, config.lms.name);
  await using parts = new OpenParts(config, metrics);
  const db = await parts.state({ dryRun: options.dryRun });
  const lms = await parts.lms();
  if (options.dryRun) return await watchDry(context, db, lms, options.acceptSource);
  const tells = options.notify && config.notify.enabled;
  const notifier = tells ? openNotifier(context, db, parts, options.takeOver, metrics) : null;
  const clean = await watch(context, { db, lms, notifier, acceptSource: options.acceptSource, metrics });
  if (!clean) parts.hurry();
}

export interface WatchParts {
  readonly db: StateDb;
  readonly lms: LmsSource;
  /** `null` while `notify.enabled` is false, or with --no-notify. */
  readonly notifier: Notifier | null;
  readonly acceptSource: boolean;
  /** Those that the parts count in; own ones when left out. */
  readonly metrics?: Metrics;
  /** What a poll found; the demo shows it. */
  readonly onPoll?: (result: PollResult) => void;
}

/**
 * The daemon over open parts; resolves when it was stopped: true when both loops ended, false when one still waits for a
 * peer that does not answer.
 */
export async function watch(context: Omit<CommandContext, "out">, parts: WatchParts): Promise<boolean> {
  const { config, clock } = context;
  const log = logger("watch");
  const metrics = parts.metrics ?? createMetrics(manifest.version, config.lms.name);
  const health = new Health(clock, config.poll.intervalMs);
  const server = config.listen === null ? null : serveHealth({ ...config.listen, clock }, health, metrics);
  using holder = Holder.open();
  const wake = new Wake();
  const source = new SourceWatch(parts.db, parts.lms, logger("poll"), parts.acceptSource);
  // What is in hand at the first signal may end, but a peer that answers no more must not keep the process.
  const late = new AbortController();
  const ended = new AbortController();
  const stop = { soft: context.stop.soft, hard: AbortSignal.any([context.stop.hard, late.signal]) };
  try {
    const polling = pollLoop({
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
      showProgress: progressShower(clock, logger("poll")),
      onHeld: (pollId, reason) => parts.notifier?.pollHeld(pollId, reason),
      onPoll: (result, tookMs) => {
        observePoll(metrics, result, tookMs, clock.now() / MICROS_PER_SECOND);
        health.good(false);
        if (result.firstContact.length > 0) {
          log.info("First contact: {found} of the past stored and told to nobody", {
            found: counted(result.tally.events, "event"),
            events: result.tally.events,
            kinds: result.firstContact,
          });
        } else if (result.tally.events > 0) {
          log.info("Found {found}", {
            found: counted(result.tally.events, "event"),
            events: result.tally.events,
            rowsRead: result.tally.rowsRead,
            pollId: result.pollId,
            tookMs: Math.round(tookMs),
          });
        }
        if (result.tally.toldEvents > 0) wake.wake();
        parts.onPoll?.(result);
      },
      onRole: (leading) => {
        metrics.leading.set(leading ? 1 : 0);
        if (!leading) health.good(true);
      },
      onFailure: (error) => {
        metrics.polls.inc({ mode: "any", result: "failed" });
        if (error instanceof LmsError && error.reason === "identity") health.refused();
      },
    }, stop);
    const delivering = parts.notifier
      ? deliver({ config, clock, stop }, parts.notifier, metrics, health, wake)
      : Promise.resolve();
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

/** From the first signal on: how long what is in hand may go on, and how long after that it may take to notice. */
const FINISH_MS = 5_000;
const NOTICE_MS = 1_500;

/** Resolves when it is too late to wait any longer, or `ended` aborts; tells `late` before. */
async function untilLate(soft: AbortSignal, late: AbortController, ended: AbortSignal, clock: Clock): Promise<void> {
  if (!soft.aborted) {
    await new Promise<void>((resolve) => {
      for (const signal of [soft, ended]) signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
  await clock.sleep(FINISH_MS, ended);
  if (ended.aborted) return;
  late.abort(new DOMException("Stopped before the work in hand was done", "AbortError"));
  await clock.sleep(NOTICE_MS, ended);
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
  for (const [type, n] of tally.byType) metrics.events.inc({ type }, n);
  for (const [reason, n] of tally.byReasonNotTold) metrics.suppressed.inc({ reason }, n);
  if (verdict.delivery === "held") metrics.heldPolls.inc({});
}

function observeRound(metrics: Metrics, round: RoundResult): void {
  if (round.dead > 0) metrics.ended.inc({ status: "dead" }, round.dead);
  for (const status of OPEN_STATUSES) metrics.deliveries.set(round.open.get(status) ?? 0, { status });
  metrics.oldestDue.set(round.oldestDueS);
  metrics.blocked.set(blockOf(round) === null ? 0 : 1);
}

const OPEN_STATUSES = ["waiting", "pending", "sending", "unknown", "held"];

/** Why nothing can be sent; `null`: it can. */
function blockOf({ guarded, circuit, trouble }: RoundResult): string | null {
  if (!guarded && circuit !== "open") return null;
  return `delivery is blocked: ${trouble ?? "Zulip does not answer"}`;
}
