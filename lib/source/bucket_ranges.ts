import { firstIdOf } from "../model/bucket.ts";
import type { LmsId } from "../model/event.ts";

/** Neighbouring buckets as one range of ids, at most ten thousand ids long. */
export function bucketRanges(buckets: readonly number[]): [LmsId, LmsId][] {
  const ranges: [number, number][] = [];
  for (const bucket of [...new Set(buckets)].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === bucket && last[1] - last[0] < 10) last[1] = bucket + 1;
    else ranges.push([bucket, bucket + 1]);
  }
  return ranges.map(([from, to]) => [firstIdOf(from), firstIdOf(to)]);
}
