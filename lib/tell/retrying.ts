import { systemClock } from "../base/clock.ts";
import { retryLostRaces, UNIQUE_VIOLATION } from "../base/retry.ts";

/**
 * As retryLostRaces(). A conflict in the unique index that keeps two mentors with one account from being told twice is a lost race,
 * too: whoever comes second reads again, and finds it settled.
 */
export function retrying<T>(transaction: () => Promise<T>): Promise<T> {
  return retryLostRaces(transaction, systemClock, [UNIQUE_VIOLATION]);
}
