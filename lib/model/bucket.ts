import type { LmsId } from "./event.ts";
import { HIGHEST_ID, LOWEST_ID } from "./lms_ids.ts";

/** Ids per bucket of the keyed comparison; `bucket = floor(id / BUCKET_SIZE)`, for keys that are whole
 * numbers (lib/model/key_space.ts has the sizes of others). Part of the state's format. */
export const BUCKET_SIZE = 1000;
const SIZE = BigInt(BUCKET_SIZE);

/** The rows of one bucket. */
export interface BucketSum {
  readonly bucket: bigint;
  readonly count: number;
  /** Xor of the hashes, signed 64-bit decimal text. */
  readonly xor: string;
}

/** One row of a bucket that differs. */
export interface KeyHash {
  readonly id: LmsId;
  readonly hash: string;
}

/** `floor(id / 1000)` as decimal text, exact for every bigint; ids may be negative. */
export function bucketOf(id: LmsId): string {
  if (!id.startsWith("-")) return id.length > 3 ? id.slice(0, -3) : "0";
  return bucketIn(id, SIZE);
}

/** The same for buckets of another size. */
export function bucketIn(id: LmsId, size: bigint): string {
  if (size === SIZE && !id.startsWith("-")) return bucketOf(id);
  const number = BigInt(id);
  return String((number < 0n ? number - (size - 1n) : number) / size);
}

/** The first and the last bucket that an id can be in. */
export const lowestBucket = (size: bigint): bigint => BigInt(bucketIn(LOWEST_ID, size));
export const highestBucket = (size: bigint): bigint => BigInt(bucketIn(HIGHEST_ID, size));
export const LOWEST_BUCKET = lowestBucket(SIZE);
export const HIGHEST_BUCKET = highestBucket(SIZE);

/** Of the first and the last bucket a part only: no id is beyond what can be held. */
export function firstIdOf(bucket: bigint, size: bigint = SIZE): LmsId {
  return bucket <= (size === SIZE ? LOWEST_BUCKET : lowestBucket(size)) ? LOWEST_ID : String(bucket * size);
}

export function lastIdOf(bucket: bigint, size: bigint = SIZE): LmsId {
  return bucket >= (size === SIZE ? HIGHEST_BUCKET : highestBucket(size))
    ? HIGHEST_ID
    : String((bucket + 1n) * size - 1n);
}
