import type { AttemptRow } from "../model/attempt.ts";
import type { Reported } from "../model/event.ts";
import { hasResults } from "../model/event_types.ts";

export const NOTHING_REPORTED: Reported = { verdict: null, score: null, percentage: null };

/** A number that JSON and the database can hold, else `null`. */
export function known(n: number | null): number | null {
  return n !== null && Number.isFinite(n) ? n : null;
}

/**
 * What a finish of this row reports now. Without a verdict the LMS's percentage is a placeholder 0, and not reported, unless the LMS
 * says that there is a mark.
 */
export function valuesOf(row: AttemptRow): Reported {
  if (!hasResults(row.kind)) return NOTHING_REPORTED;
  if (row.graded === false) return NOTHING_REPORTED;
  return {
    verdict: row.verdict,
    score: known(row.score),
    percentage: row.verdict === null && row.graded !== true ? null : known(row.percentage),
  };
}

/** Another number than the one reported; unknown is no news. What a float column makes of 82.3 is no difference, 82.1 for 82 is. */
export function differs(reported: number | null, now: number | null): boolean {
  if (now === null) return false;
  if (reported === null) return true;
  return Math.abs(reported - now) > 1e-9 * Math.max(1, Math.abs(reported), Math.abs(now));
}
