import { systemClock } from "../../lib/base/clock.ts";
import { logger } from "../../lib/base/log.ts";
import { RepeatedError } from "../../lib/base/repeated_error.ts";
import { EVENT_TYPES } from "../../lib/model/event_types.ts";
import { LeaseKeeper } from "../../lib/poll/lease_keeper.ts";
import { Holder } from "../../lib/poll/holder.ts";
import type { PollSettings } from "../../lib/poll/poll_context.ts";
import { pollLoop } from "../../lib/poll/poll_loop.ts";
import { type PollResult, runPoll } from "../../lib/poll/run_poll.ts";
import { takeLease } from "../../lib/poll/take_lease.ts";
import type { Watched } from "./watched.ts";

const SETTINGS: PollSettings = {
  notify: {
    enabled: true,
    immediate: ["exam_completed", "exam_failed", "exam_passed"],
    digest: { events: ["exam_started", "content_started", "content_completed", "content_watched"], at: [] },
    digestAbove: 1,
    gatherMs: 0,
    quiet: null,
    maxPerMentor: null,
    revisions: "score",
    maxAgeMs: null,
    mentorGraceMs: 86_400_000,
    accountGraceMs: 86_400_000,
    fallback: null,
    fuse: null,
    timezone: "UTC",
    maxAttempts: 8,
  },
  students: { activeOnly: true, excludeUsernames: [], batches: [] },
  eventTypes: new Set(EVENT_TYPES),
};

const LEASE_MS = 600_000;

/** One round as `watch` does it, timed. */
export async function oneRound(
  { db, lms }: Pick<Watched, "db" | "lms">,
  mode: "quick" | "full",
): Promise<{ ms: number; result: PollResult }> {
  const taken = await takeLease(db, lms.name, Holder.open().name, LEASE_MS);
  if (taken.lease === null) throw new Error(`Cannot run a round: ${taken.holder} has the lease`);
  await using _keeper = new LeaseKeeper(db, taken.lease, LEASE_MS, systemClock);
  const began = performance.now();
  const result = await runPoll({ db, lms, clock: systemClock, settings: SETTINGS }, taken.lease, {
    mode,
    notifyHistory: false,
    signal: new AbortController().signal,
  });
  return { ms: performance.now() - began, result };
}

/** The loop of `watch` over idle tables; its rounds come one after the other until `stop`. */
export class IdleWatch implements AsyncDisposable {
  /** Milliseconds of rounds whose full pass was skipped since nothing was committed, and of the other rounds. */
  readonly idle: number[] = [];
  readonly full: number[] = [];
  readonly failures: unknown[] = [];
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  constructor({ db, lms }: Watched, intervalMs: number, fullPassMs: number) {
    const log = logger("bench");
    this.#ended = pollLoop({
      db,
      lms,
      clock: systemClock,
      log,
      settings: SETTINGS,
      holder: Holder.open().name,
      intervalMs,
      fullPassMs,
      trouble: new RepeatedError("Polling", log, systemClock),
      checkSource: () => Promise.resolve(),
      source: { isUnconfirmed: false, isKnown: () => Promise.resolve(true) },
      onConfirmed: () => {},
      onHeld: () => {},
      onPoll: ({ tally }, tookMs) => (tally.skippedFullPass ? this.idle : this.full).push(tookMs),
      onRole: () => {},
      onFailure: (error) => this.failures.push(error),
    }, { soft: this.#stop.signal, hard: new AbortController().signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }
}
