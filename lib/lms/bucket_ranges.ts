import type { LmsId } from "../model/event.ts";
import { BUCKET_SIZE } from "./lms_source.ts";

/** `floor(id / 1000)`: ids may be negative. */
export const bucketOf = (id: LmsId): bigint => {
  const value = BigInt(id), size = BigInt(BUCKET_SIZE);
  return value >= 0n ? value / size : (value - size + 1n) / size;
};
export const firstIdOf = (bucket: number): LmsId => String(BigInt(bucket) * BigInt(BUCKET_SIZE));

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
