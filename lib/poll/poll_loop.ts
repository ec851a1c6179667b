import { fullPassWanted } from "../../sql/state/lineage.ts";
import type { LmsSource } from "../source/lms_source.ts";
import type { Clock } from "../base/clock.ts";
import { LeaseLostError, LmsError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { ShowProgress } from "../base/progress.ts";
import type { RepeatedError } from "../base/repeated_error.ts";
import type { PollVerdict } from "./record/poll_runs.ts";
import type { StateDb } from "../state/state_db.ts";
import { StateLineage } from "../state/state_lineage.ts";
import { readStreams } from "./record/streams.ts";
import { describeHolder } from "./holder.ts";
import { LeaseKeeper } from "./lease_keeper.ts";
import { leaseTimes } from "./lease_times.ts";
import type { PollSettings } from "./poll_context.ts";
import { lastFullPass, type PollResult, runPoll } from "./run_poll.ts";
import { takeLease } from "./take_lease.ts";

export interface PollLoopDeps {
  readonly db: StateDb;
  readonly lms: LmsSource;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: PollSettings;
  readonly holder: string;
  readonly intervalMs: number;
  readonly fullPassMs: number;
  readonly trouble: Pick<RepeatedError, "failed" | "succeeded">;
  /**
   * Throws when the LMS behind the name is not the one this state knows. Called before each poll; `thorough` before the first
   * one, after trouble, and when another process may have polled in between.
   */
  readonly checkSource: (thorough: boolean) => Promise<void>;
  /** The fuse held a poll's messages. */
  readonly onHeld: (pollId: string, reason: string) => void | Promise<void>;
  readonly onPoll: (result: PollResult, tookMs: number) => void;
  readonly onRole: (leading: boolean) => void;
  readonly onFailure: (error: unknown) => void;
  readonly showProgress?: ShowProgress | undefined;
}

/** The proof that nothing was committed since the last full pass: equal tokens. Never older than this process. */
interface LastPass {
  readonly token: string | null;
  readonly startedMs: number;
}

/**
 * A pass over a small LMS costs next to nothing, so it is part of every poll: new rows with low ids and changes of finished
 * rows are then found at once, not after `poll.full_pass`. At most this share of the interval, and never longer than that.
 */
const CHEAP_PASS_SHARE = 0.1;
const CHEAP_PASS_MS = 200;
/** A pass that found more than this says little about what a pass without news costs. */
const FEW_CHANGES = 1000;

/**
 * Polls at a fixed rate while this process holds the lease, and looks for a lease to take while it does not. Errors end one
 * poll, never the loop. Resolves after `soft` aborted and the poll in hand ended; `hard` aborts that too.
 */
export async function pollLoop(deps: PollLoopDeps, stop: { soft: AbortSignal; hard: AbortSignal }): Promise<void> {
  const { clock, db, lms, log } = deps;
  const { ttlMs, lookMs } = leaseTimes(deps.intervalMs);
  let keeper: LeaseKeeper | null = null;
  const cheapMs = Math.min(deps.intervalMs * CHEAP_PASS_SHARE, CHEAP_PASS_MS);
  let lastPass: LastPass | null = null;
  let passMs = 0;
  const lineage = new StateLineage(db);
  // Of a state that may have lost what it knew, no proof of idleness holds: everything is compared, once.
  let passOwed = false;
  let standbyOf: string | null = null;
  let checked = false;
  /** The LMS waits for a person to confirm it. */
  let refused = false;
  try {
    while (!stop.soft.aborted) {
      const turnMs = clock.monotonicMs();
      try {
        if (keeper?.signal.aborted) throw keeper.signal.reason;
        if (keeper === null) {
          const taken = await takeLease(db, lms.name, deps.holder, ttlMs);
          if (taken.lease === null) {
            if (standbyOf !== taken.heldBy && !refused) {
              log.info("Standing by: {source} is polled by {holder}", {
                source: lms.name,
                holder: describeHolder(taken.heldBy),
              });
            }
            standbyOf = taken.heldBy;
            // The state database answers, and the LMS is the other one's business, but for a wrong address of this process.
            if (!refused) deps.trouble.succeeded();
            deps.onRole(false);
            await clock.sleep(lookMs, stop.soft);
            continue;
          }
          standbyOf = null;
          lastPass = null; // what another process read proves nothing about what this one knows
          checked = false; // and it may have accepted another LMS
          keeper = new LeaseKeeper(db, taken.lease, ttlMs, clock);
          deps.onRole(true);
          if (!refused) log.info("Polling {source}", { source: lms.name, intervalMs: deps.intervalMs });
        }
        await deps.checkSource(!checked);
        checked = true;
        refused = false;
        if (await lineage.look() !== null || await isFullPassWanted(db, lms.name)) passOwed = true;
        if (passOwed) lastPass = null;
        const startedMs = clock.monotonicMs();
        const signal = AbortSignal.any([stop.hard, keeper.signal]);
        const due: boolean = passOwed || lastPass !== null && passMs <= cheapMs || await fullPassDue(deps, lastPass);
        const token: string | null = due ? await lms.changeToken() : null;
        const unchanged = due && token !== null && token === lastPass?.token;
        const mode = due && !unchanged ? "full" : "quick";
        const onHeld = (pollId: string, { reason }: PollVerdict) => {
          log.error("The fuse holds the messages of poll {pollId}", { pollId, reason });
          Promise.resolve(deps.onHeld(pollId, reason ?? "")).catch((error) =>
            log.warning("Cannot tell the administrator", { error })
          );
        };
        const options = { mode, notifyHistory: false, signal, skippedFullPass: unchanged } as const;
        const result = await runPoll({ ...deps, onHeld }, keeper.lease, options);
        const tookMs = clock.monotonicMs() - startedMs;
        if (due) lastPass = { token, startedMs };
        if (mode === "full") passOwed = false;
        if (mode === "full" && result.tally.rowsChanged <= FEW_CHANGES) passMs = tookMs;
        deps.trouble.succeeded();
        deps.onPoll(result, tookMs);
      } catch (error) {
        if (stop.hard.aborted) return;
        if (error instanceof LeaseLostError) {
          log.warning("Lost the lease on {source}: another process polls it now", { source: lms.name });
          await keeper?.[Symbol.asyncDispose]();
          keeper = null;
          deps.onRole(false);
        } else {
          checked = false;
          deps.trouble.failed(error);
          deps.onFailure(error);
          refused = error instanceof LmsError && error.reason === "identity";
          if (refused) {
            // Whoever confirms it, or has the right address, must be able to poll.
            await keeper?.[Symbol.asyncDispose]();
            keeper = null;
            deps.onRole(false);
          }
        }
      }
      // Fixed rate: the time a poll took is part of the interval. A poll that took longer is followed by the next at once,
      // after a breath for the LMS. Who polls nothing (the owner of the state died while it was asked) looks again soon.
      const restMs = turnMs + deps.intervalMs - clock.monotonicMs();
      const breathMs = Math.max(restMs, Math.min(deps.intervalMs / 10, 1000));
      await clock.sleep(keeper === null && !refused ? lookMs : breathMs, stop.soft);
    }
  } finally {
    await keeper?.[Symbol.asyncDispose]();
  }
}

/** Somebody's sending waits for it. */
async function isFullPassWanted(db: StateDb, source: string): Promise<boolean> {
  const [row] = await fullPassWanted(db.sql, source);
  return row?.wanted === true;
}

async function fullPassDue(deps: PollLoopDeps, lastPass: LastPass | null): Promise<boolean> {
  if (lastPass !== null) return deps.clock.monotonicMs() - lastPass.startedMs >= deps.fullPassMs;
  // A process that just started (or took over) trusts a full pass of its predecessor for as long as its own.
  const at = lastFullPass(await readStreams(deps.db, deps.lms.name));
  return at === null || deps.clock.now() - at >= deps.fullPassMs * 1000;
}
