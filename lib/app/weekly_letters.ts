import type { Clock } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { readConstants } from "../insights/constants_file.ts";
import type { StateDb } from "../state/state_db.ts";
import { letterDay, writeLetters } from "../tell/write_letters.ts";
import { counted } from "../text/counted.ts";
import { type AfterPoll, onceDue } from "./once_due.ts";

export interface WeeklyLetters {
  readonly db: StateDb;
  readonly config: Pick<Config, "insights" | "notify" | "state" | "students">;
  readonly clock: Clock;
}

/** What follows a poll once a week: the letters to mentors are written; whoever delivers sends them. */
export function weeklyLetters({ db, config, clock }: WeeklyLetters): AfterPoll {
  const { insights, notify, students } = config;
  const tell = notify.enabled ? insights?.tell ?? null : null;
  if (tell === null) return () => Promise.resolve();
  return onceDue({
    title: "Writing weekly messages",
    clock,
    stateUrl: config.state.url,
    day: (now) => letterDay(now, null, tell, notify.timezone),
    work: async (lease, now) => {
      const constants = await readConstants(insights?.constants ?? null);
      const written = await writeLetters(db, lease, now, { tell, constants, notify, students });
      if (written === null) return;
      const { day, letters, named, held } = written;
      logger("insights").info("Weekly messages of {day}: {letters}, which name {named}{held}", {
        day,
        letters: counted(letters, "mentor"),
        named: counted(named, "student"),
        held: held === null ? "" : `; held back: ${held}`,
      });
    },
  });
}
