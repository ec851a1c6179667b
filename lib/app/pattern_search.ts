import type { Clock } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { daysToJudge, findPatterns } from "../insights/find_patterns.ts";
import { unseenFinishes } from "../model/event_types.ts";
import type { StateDb } from "../state/state_db.ts";
import { counted } from "../text/counted.ts";
import { type AfterPoll, onceDue } from "./once_due.ts";

export interface PatternSearch {
  readonly db: StateDb;
  readonly config: Pick<Config, "insights" | "notify" | "poll" | "state">;
  readonly clock: Clock;
}

/** What follows a poll once a day: the day that is over is searched for patterns. */
export function patternSearch({ db, config, clock }: PatternSearch): AfterPoll {
  // Who has only exams of types that are not stored would be found to have gone quiet, and to have missed them.
  const sees = unseenFinishes(config.poll.eventTypes).length === 0;
  const times = { at: sees ? config.insights?.at ?? null : null, timezone: config.notify.timezone };
  return onceDue({
    title: "Looking for patterns",
    clock,
    stateUrl: config.state.url,
    day: (now) => daysToJudge(now, null, times).at(-1) ?? null,
    work: async (lease, now, signal) => {
      for (const { day, found, history, withdrawn } of await findPatterns(db, lease, now, times, signal)) {
        if (found + history + withdrawn === 0) continue;
        logger("insights").info("Patterns of {day}: {said}", {
          day,
          said: [
            `${found} new`,
            ...(history > 0 ? [`${counted(history, "older one")} of courses that were not known`] : []),
            ...(withdrawn > 0 ? [`${withdrawn} withdrawn`] : []),
          ].join(", "),
        });
      }
    },
  });
}
