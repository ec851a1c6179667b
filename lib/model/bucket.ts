import type { LmsId } from "./event.ts";
import { HIGHEST_ID, LOWEST_ID } from "./lms_ids.ts";

/** Ids per bucket of the keyed comparison; `bucket = floor(id / BUCKET_SIZE)`. Part of the state's format. */
export const BUCKET_SIZE = 1000;

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
  const size = BigInt(BUCKET_SIZE);
  return String((BigInt(id) - (size - 1n)) / size);
}

/** The first and the last bucket that an id can be in. */
export const LOWEST_BUCKET = BigInt(bucketOf(LOWEST_ID));
export const HIGHEST_BUCKET = BigInt(bucketOf(HIGHEST_ID));

/** Of the first and the last bucket a part only: no id is beyond what can be held. */
export function firstIdOf(bucket: bigint): LmsId {
  return bucket <= LOWEST_BUCKET ? LOWEST_ID : String(bucket * BigInt(BUCKET_SIZE));
}

export function lastIdOf(bucket: bigint): LmsId {
  return bucket >= HIGHEST_BUCKET ? HIGHEST_ID : String((bucket + 1n) * BigInt(BUCKET_SIZE) - 1n);
}
