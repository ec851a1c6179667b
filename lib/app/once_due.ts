import type { Clock } from "../base/clock.ts";
import { LeaseLostError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { RepeatedError } from "../base/repeated_error.ts";
import { type EpochMicros, MICROS_PER_SECOND } from "../model/time.ts";
import type { Lease } from "../state/leases.ts";
import { nameStateTrouble } from "../state/state_errors.ts";

const REST_MICROS = 15 * 60 * MICROS_PER_SECOND;

/** What is done after a poll, under its lease. */
export type AfterPoll = (lease: Lease, signal: AbortSignal) => Promise<void>;

export interface DueWork {
  /** For logs: "Looking for patterns". */
  readonly title: string;
  readonly clock: Clock;
  readonly stateUrl: string;
  /** For which day it is due now; `null`: for none. */
  day(now: EpochMicros): string | null;
  /** Done once for each day by this process; it asks the state itself whether another one did it. */
  work(lease: Lease, now: EpochMicros, signal: AbortSignal): Promise<void>;
}

/** Work that follows a poll once a day or week. Trouble there is no trouble of the poll; it is tried again some polls later. */
export function onceDue({ title, clock, stateUrl, day, work }: DueWork): AfterPoll {
  const repeated = new RepeatedError(title, logger("insights"), clock);
  let last: string | null = null;
  let restUntil = 0;
  return async (lease, signal) => {
    const now = clock.now();
    const due = day(now);
    if (due === null || due === last || now < restUntil) return; // so that most polls ask the state nothing for it
    try {
      await work(lease, now, signal);
      last = due;
      repeated.succeeded();
    } catch (error) {
      if (error instanceof LeaseLostError || signal.aborted) throw error;
      restUntil = now + REST_MICROS; // what fails late must not burden each poll
      repeated.failed(nameStateTrouble(stateUrl, error));
    }
  };
}
