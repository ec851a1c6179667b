/** How often the rows of an LMS may be compared as a whole. Milliseconds. */
export interface PassSettings {
  /** Of `watch`. */
  readonly intervalMs: number;
  /** `poll.full_pass`: the longest time between two full passes, unless the LMS proves that nothing was committed. */
  readonly fullPassMs: number;
}

/** A full pass may keep the LMS busy for this share of the time. */
const SHARE = 0.02;
/** No LMS feels so little, however short the interval. */
const UNFELT_MS = 100;
/** Passes whose cost is remembered. */
const REMEMBERED = 3;

/** What a full pass may cost and still be part of every poll, milliseconds. */
export function cheapPassMs({ intervalMs }: Pick<PassSettings, "intervalMs">): number {
  return Math.max(intervalMs * SHARE, UNFELT_MS);
}

/**
 * The time from one full pass to the next; 0: one in every poll. `costMs` is the time that the statements of a pass's sum
 * phase took, `null` when none was measured: then the next poll measures one. Pure.
 */
export function passPeriodMs(costMs: number | null, settings: PassSettings): number {
  if (costMs === null || costMs <= cheapPassMs(settings)) return 0;
  const periodMs = Math.min(costMs / SHARE, settings.fullPassMs);
  return periodMs <= settings.intervalMs ? 0 : periodMs;
}

/**
 * The costs to remember after one more pass, the newest last. A process's first pass finds caches and connections cold: when it
 * was slow, that says nothing of the next one, and it is not remembered. Pure.
 */
export function rememberCost(
  costs: readonly number[],
  costMs: number,
  cold: boolean,
  settings: PassSettings,
): readonly number[] {
  if (cold && costMs > cheapPassMs(settings)) return costs;
  return [...costs, costMs].slice(-REMEMBERED);
}

/**
 * What a pass costs: the lowest cost remembered, since whatever else went on in this process or on the LMS only adds to what a
 * clock shows. `null` without any. Pure.
 */
export function passCostMs(costs: readonly number[]): number | null {
  return costs.length === 0 ? null : Math.min(...costs);
}

/** For people: `in every poll`, `every 25 s`. Pure. */
export function describePeriod(periodMs: number): string {
  return periodMs === 0 ? "in every poll" : `every ${Math.round(periodMs / 1000)} s`;
}
