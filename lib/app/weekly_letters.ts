import type { Clock } from "../base/clock.ts";
import { LeaseLostError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { RepeatedError } from "../base/repeated_error.ts";
import type { Config } from "../config/config.ts";
import { readConstants } from "../insights/constants_file.ts";
import { MICROS_PER_SECOND } from "../model/time.ts";
import type { Lease } from "../state/leases.ts";
import type { StateDb } from "../state/state_db.ts";
import { letterDay, writeLetters } from "../tell/write_letters.ts";
import { counted } from "../text/counted.ts";
import { nameStateTrouble } from "./state_trouble.ts";

const REST_MICROS = 15 * 60 * MICROS_PER_SECOND;

export interface WeeklyLetters {
  readonly db: StateDb;
  readonly config: Pick<Config, "insights" | "notify" | "state" | "students">;
  readonly clock: Clock;
}

/**
 * What follows a poll once a week: the letters to mentors are written, under the poll's lease; whoever delivers sends them. Trouble there
 * is no trouble of the poll; it is tried again some polls later.
 */
export function weeklyLetters(
  { db, config, clock }: WeeklyLetters,
): (lease: Lease, signal: AbortSignal) => Promise<void> {
  const log = logger("insights");
  const repeated = new RepeatedError("Writing weekly messages", log, clock);
  const tell = config.notify.enabled ? config.insights?.tell ?? null : null;
  let last: string | null = null;
  let restUntil = 0;
  return async (lease, signal) => {
    const now = clock.now();
    if (tell === null || now < restUntil) return;
    const day = letterDay(now, last, tell, config.notify.timezone);
    if (day === null) return; // so that a poll costs no question more
    try {
      const constants = await readConstants(config.insights?.constants ?? null);
      const { notify, students } = config;
      const written = await writeLetters(db, lease, now, { tell, constants, notify, students });
      if (written !== null) {
        const { letters, named, held } = written;
        log.info("Weekly messages of {day}: {letters}, which name {named}{held}", {
          day,
          letters: counted(letters, "mentor"),
          named: counted(named, "student"),
          held: held === null ? "" : `; held back: ${held}`,
        });
      }
      last = day;
      repeated.succeeded();
    } catch (error) {
      if (error instanceof LeaseLostError || signal.aborted) throw error;
      restUntil = now + REST_MICROS; // what fails late must not burden each poll
      repeated.failed(nameStateTrouble(config.state.url, error));
    }
  };
}
