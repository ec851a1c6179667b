import { pollSettings } from "../../lib/app/open_parts.ts";
import { type Clock, systemClock } from "../../lib/base/clock.ts";
import { logger } from "../../lib/base/log.ts";
import { RepeatedError } from "../../lib/base/repeated_error.ts";
import { pollLoop } from "../../lib/poll/poll_loop.ts";
import type { PollResult } from "../../lib/poll/run_poll.ts";
import type { LmsSource } from "../../lib/source/lms_source.ts";
import type { PollBench } from "./poll_bench.ts";

/** What the loop of `watch` finds, poll by poll. */
export class LoopPolls implements AsyncDisposable {
  readonly results: PollResult[] = [];
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #wake: () => void = () => {};

  constructor(
    bench: PollBench,
    lms: LmsSource,
    { fullPassMs, clock = systemClock, onFailure }: {
      readonly fullPassMs: number;
      readonly clock?: Clock;
      /** Default: a failure ends the loop. */
      readonly onFailure?: (error: unknown) => void;
    },
  ) {
    const log = logger("test");
    this.#ended = pollLoop({
      db: bench.db,
      lms,
      clock,
      log,
      settings: pollSettings(bench.config),
      holder: "test-host|1|?|a",
      intervalMs: 20,
      fullPassMs,
      trouble: new RepeatedError("Polling", log, systemClock),
      checkSource: () => Promise.resolve(),
      source: { isUnconfirmed: false, isKnown: () => Promise.resolve(true) },
      onConfirmed: () => {},
      onHeld: () => {},
      onPoll: (result) => {
        this.results.push(result);
        this.#wake();
      },
      onRole: () => {},
      onFailure: onFailure ?? ((error) => {
        throw error;
      }),
    }, { soft: this.#stop.signal, hard: new AbortController().signal });
  }

  /** The results of so many polls from now on, the one in hand among them. */
  async next(count: number): Promise<PollResult[]> {
    const from = this.results.length;
    while (this.results.length < from + count) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.results.slice(from);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }
}
