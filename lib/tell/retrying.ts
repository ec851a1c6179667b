import { systemClock } from "../base/clock.ts";
import { retryLostRaces, UNIQUE_VIOLATION } from "../base/retry.ts";

/**
 * As retryLostRaces(). The unique index that keeps two mentors with one account from being told twice makes whoever comes second lose
 * a race, too: that one reads again what is there, and finds it settled.
 */
export function retrying<T>(transaction: () => Promise<T>): Promise<T> {
  return retryLostRaces(transaction, systemClock, [UNIQUE_VIOLATION]);
}
