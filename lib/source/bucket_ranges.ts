import { firstIdOf, lastIdOf } from "../model/bucket.ts";
import type { LmsId } from "../model/event.ts";

/** Neighbouring buckets as one range of ids, its first and its last, at most ten thousand ids long. */
export function bucketRanges(buckets: readonly bigint[]): [LmsId, LmsId][] {
  const ranges: [bigint, bigint][] = [];
  for (const bucket of [...new Set(buckets)].sort((a, b) => a < b ? -1 : 1)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] + 1n === bucket && bucket - last[0] < 10n) last[1] = bucket;
    else ranges.push([bucket, bucket]);
  }
  return ranges.map(([first, last]) => [firstIdOf(first), lastIdOf(last)]);
}
