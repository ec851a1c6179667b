import { type Clock, systemClock } from "./clock.ts";
import { errorCode, isConnectionCut } from "./database_errors.ts";

const NEVER = new AbortController().signal;

export interface RetryOptions {
  /** False: give up; true: again after a growing, jittered pause; a number: again after that many milliseconds. */
  readonly classify: (error: unknown, attempt: number) => boolean | number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Calls in all, the first included; default without end. */
  readonly attempts?: number;
  /** Pause after the first failure, in milliseconds; doubles up to `maxMs`. */
  readonly baseMs?: number;
  readonly maxMs?: number;
  /** In [0, 1); injected by tests. */
  readonly random?: () => number;
  readonly onRetry?: (error: unknown, attempt: number, pauseMs: number) => void;
}

/**
 * Calls `work` until it succeeds, `classify` gives up, or the attempts are used up (throws the last error), or `signal`
 * aborts (throws its reason). The only place where lmsmon repeats things.
 */
export async function retry<T>(work: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { classify, clock, signal, attempts = Infinity, random = Math.random, onRetry } = options;
  for (let attempt = 1;; attempt++) {
    signal.throwIfAborted();
    try {
      return await work(attempt);
    } catch (error) {
      const verdict = classify(error, attempt);
      if (verdict === false || attempt >= attempts || signal.aborted) throw error;
      const pause = verdict === true ? backoffMs(attempt, options, random()) : Math.max(0, verdict);
      onRetry?.(error, attempt, pause);
      await clock.sleep(pause, signal);
    }
  }
}

/** Doubles with each attempt up to `maxMs`; between half and all of it, so that many processes do not knock together. */
export function backoffMs(
  attempt: number,
  { baseMs = 500, maxMs = 60_000 }: { readonly baseMs?: number; readonly maxMs?: number },
  random: number,
): number {
  return Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 40)) * (0.5 + random / 2);
}

/** Somebody else inserted it first. */
export const UNIQUE_VIOLATION = "23505";

/** Deadlock and serialization failure: nothing of the transaction happened, and it may work when it is run again. */
const LOST_RACES: readonly string[] = ["40P01", "40001"];

/**
 * Runs a whole transaction again when it lost a race against another one, at most six times, after short random pauses. Every
 * other error is the caller's. `settled`: further codes that mean "somebody else did it meanwhile", where the transaction
 * first reads what is there.
 */
export function retryLostRaces<T>(
  transaction: () => Promise<T>,
  clock: Clock = systemClock,
  settled: readonly string[] = [],
): Promise<T> {
  const races = [...LOST_RACES, ...settled];
  return retry(transaction, {
    classify: (error) => races.includes(errorCode(error) ?? ""),
    clock,
    signal: NEVER,
    attempts: 6,
    baseMs: 40,
    maxMs: 1_300,
  });
}

/**
 * Asks again, at most twice, when the connection was cut before the answer came: for what only reads. An embedded state goes on in
 * the next process when the one that had it open ends, and a long export goes on with it.
 */
export function retryCutReads<T>(ask: () => Promise<T>, signal: AbortSignal = NEVER): Promise<T> {
  return retry(ask, { classify: isConnectionCut, clock: systemClock, signal, attempts: 3, baseMs: 100 });
}
