import type { Clock } from "../base/clock.ts";
import { LeaseLostError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { RepeatedError } from "../base/repeated_error.ts";
import type { Config } from "../config/config.ts";
import { daysToJudge, findPatterns } from "../insights/find_patterns.ts";
import { MICROS_PER_SECOND } from "../model/time.ts";
import type { Lease } from "../state/leases.ts";
import type { StateDb } from "../state/state_db.ts";
import { counted } from "../text/counted.ts";
import { nameStateTrouble } from "./state_trouble.ts";

const REST_MICROS = 15 * 60 * MICROS_PER_SECOND;

export interface PatternSearch {
  readonly db: StateDb;
  readonly config: Pick<Config, "insights" | "notify" | "state">;
  readonly clock: Clock;
}

/**
 * What follows a poll once a day: the day that is over is searched for patterns, under the poll's lease. Trouble there is no trouble of
 * the poll; it is tried again some polls later.
 */
export function patternSearch(
  { db, config, clock }: PatternSearch,
): (lease: Lease, signal: AbortSignal) => Promise<void> {
  const log = logger("insights");
  const repeated = new RepeatedError("Looking for patterns", log, clock);
  const times = { at: config.insights?.at ?? null, timezone: config.notify.timezone };
  let last: string | null = null;
  let restUntil = 0;
  return async (lease, signal) => {
    const now = clock.now();
    const newest = daysToJudge(now, null, times).at(-1) ?? null;
    if (newest === null || newest === last || now < restUntil) return; // so that a poll costs no question more
    try {
      for (const { day, found, history, withdrawn } of await findPatterns(db, lease, now, times, signal)) {
        if (found + history + withdrawn === 0) continue;
        log.info("Patterns of {day}: {said}", {
          day,
          said: [
            `${found} new`,
            ...(history > 0 ? [`${counted(history, "older one")} of courses that were not known`] : []),
            ...(withdrawn > 0 ? [`${withdrawn} withdrawn`] : []),
          ].join(", "),
        });
      }
      last = newest;
      repeated.succeeded();
    } catch (error) {
      if (error instanceof LeaseLostError || signal.aborted) throw error;
      restUntil = now + REST_MICROS; // a search that fails late must not burden each poll
      repeated.failed(nameStateTrouble(config.state.url, error));
    }
  };
}
