import type { LmsSource } from "../source/lms_source.ts";
import type { Clock } from "../base/clock.ts";
import { KindError, LeaseLostError, LmsError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { ShowProgress } from "../base/progress.ts";
import type { RepeatedError } from "../base/repeated_error.ts";
import type { Lease } from "../state/leases.ts";
import type { StateDb } from "../state/state_db.ts";
import type { SourceWatch } from "./check_source.ts";
import { Leadership } from "./leadership.ts";
import type { PassSettings } from "./pass_policy.ts";
import { PassSchedule } from "./pass_schedule.ts";
import type { PollSettings } from "./poll_context.ts";
import type { PollVerdict } from "./record/poll_runs.ts";
import { type PollResult, runPoll } from "./run_poll.ts";

export interface PollLoopDeps extends PassSettings {
  readonly db: StateDb;
  readonly lms: LmsSource;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: PollSettings;
  readonly holder: string;
  readonly trouble: Pick<RepeatedError, "failed" | "succeeded">;
  /**
   * Throws when the LMS behind the name is not the one this state knows. Called before each poll; `thorough` before the first
   * one, after trouble, and when another process may have polled in between.
   */
  readonly checkSource: (thorough: boolean) => Promise<void>;
  /** What the last check found outlives this loop: a reload begins another one. */
  readonly source: Pick<SourceWatch, "isUnconfirmed" | "isKnown">;
  /** The fuse held a poll's messages. */
  readonly onHeld: (pollId: string, reason: string) => void | Promise<void>;
  readonly onPoll: (result: PollResult, tookMs: number) => void;
  /** What is done under the lease between two polls. Throws only when the lease was lost. */
  readonly afterPoll?: (lease: Lease, signal: AbortSignal) => Promise<void>;
  readonly onRole: (leading: boolean) => void;
  readonly onFailure: (error: unknown) => void;
  /** The LMS that had to be confirmed is the one that this state knows by now, though another process polls it. */
  readonly onConfirmed: () => void;
  readonly showProgress?: ShowProgress | undefined;
}

/**
 * Polls at a fixed rate while this process holds the lease, and looks for a lease to take while it does not. Errors end one
 * poll, never the loop. Resolves after `soft` aborted and the poll in hand ended; `hard` aborts that too.
 */
export async function pollLoop(deps: PollLoopDeps, stop: { soft: AbortSignal; hard: AbortSignal }): Promise<void> {
  const { clock, intervalMs } = deps;
  await using leadership = new Leadership({ ...deps, source: deps.lms.name });
  const poller = new Poller(deps, leadership, stop);
  while (!stop.soft.aborted) {
    const turnMs = clock.monotonicMs();
    try {
      await poller.turn();
    } catch (error) {
      if (stop.hard.aborted) return;
      await poller.failed(error);
    }
    // Fixed rate: the time a poll took is part of the interval. A poll that took longer is followed by the next at once, after
    // a breath for the LMS. Who polls nothing (standby, or the owner of the state died while it was asked) looks again soon.
    const breathMs = Math.max(turnMs + intervalMs - clock.monotonicMs(), Math.min(intervalMs / 10, 1000));
    const polls = leadership.isLeading || leadership.isRefused && !poller.standsBy;
    await clock.sleep(polls ? breathMs : leadership.lookMs, stop.soft);
  }
}

/** One turn of the loop after the other. */
class Poller {
  readonly #passes: PassSchedule;
  /** The LMS was looked at since this process leads, or since trouble. */
  #checked = false;
  /** Another process held the lease in the last turn. */
  standsBy = false;
  #lookedMs = -Infinity;

  constructor(
    private readonly deps: PollLoopDeps,
    private readonly leadership: Leadership,
    private readonly stop: { readonly soft: AbortSignal; readonly hard: AbortSignal },
  ) {
    this.#passes = new PassSchedule(deps);
  }

  async turn(): Promise<void> {
    const { deps, leadership } = this;
    this.standsBy = false;
    const turn = await leadership.turn();
    if (!turn.leads) {
      this.standsBy = true;
      if (deps.source.isUnconfirmed && await this.#isConfirmed()) {
        leadership.accepted();
        deps.onConfirmed();
      }
      // The state database answers. The LMS is the leader's business, unless this process has a wrong address.
      if (!deps.source.isUnconfirmed) deps.trouble.succeeded();
      return;
    }
    if (turn.anew) {
      this.#passes.forget();
      this.#checked = false; // the one before may have accepted another LMS
    }
    await deps.checkSource(!this.#checked);
    this.#checked = true;
    leadership.accepted();
    const plan = await this.#passes.plan();
    const signal = AbortSignal.any([this.stop.hard, turn.keeper.signal]);
    const result = await runPoll({ ...deps, onHeld: this.#held }, turn.keeper.lease, {
      mode: plan.mode,
      notifyHistory: false,
      signal,
      skippedFullPass: plan.skipped,
      contextRestMs: deps.fullPassMs,
      unresolved: plan.unresolved,
    }).catch(async (error) => {
      if (error instanceof KindError) await this.#passes.doneInPart(plan, error);
      throw error;
    });
    await this.#passes.done(plan, result.tally.sumsMs);
    deps.trouble.succeeded();
    deps.onPoll(result, deps.clock.monotonicMs() - plan.startedMs);
    const { soft, hard } = this.stop;
    await deps.afterPoll?.(turn.keeper.lease, AbortSignal.any([soft, hard, turn.keeper.signal]));
  }

  /** Who confirmed the LMS did so once, for every process with this address: whoever polls leaves the others nothing to check. */
  async #isConfirmed(): Promise<boolean> {
    const { clock, intervalMs, source } = this.deps;
    if (clock.monotonicMs() - this.#lookedMs < intervalMs) return false;
    this.#lookedMs = clock.monotonicMs();
    return await source.isKnown();
  }

  async failed(error: unknown): Promise<void> {
    const refused = error instanceof LmsError && error.reason === "identity";
    if (!(error instanceof LeaseLostError)) {
      this.#checked = false;
      this.deps.trouble.failed(error);
      this.deps.onFailure(error);
    }
    await this.leadership.failed(error, refused);
  }

  readonly #held = (pollId: string, { reason }: PollVerdict) => {
    const { log, onHeld } = this.deps;
    log.error("The fuse holds the messages of poll {pollId}", { pollId, reason });
    Promise.resolve(onHeld(pollId, reason ?? "")).catch((error) =>
      log.warning("Cannot tell the administrator", { error })
    );
  };
}
