import type { LmsId } from "./event.ts";

/** Ids per bucket of the keyed comparison; `bucket = floor(id / BUCKET_SIZE)`. Part of the state's format. */
export const BUCKET_SIZE = 1000;

/** The rows of one bucket. */
export interface BucketSum {
  readonly bucket: number;
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

export function firstIdOf(bucket: number | string): LmsId {
  return String(BigInt(bucket) * BigInt(BUCKET_SIZE));
}
