import type { Key, KeyRange } from "../../sql/lms/query_kind.ts";
import { firstIdOf, lastIdOf } from "../model/bucket.ts";
import { type KeyForm, pairOf } from "../model/key_space.ts";
import type { LmsId } from "../model/event.ts";
import { HIGHEST_ID } from "../model/lms_ids.ts";

/**
 * An id at or below the first one from `from` on, with nothing in between; found by doubling a range until something is in it. Not
 * min(): over a join that would read everything.
 */
export async function firstInRanges(from: LmsId, any: (range: KeyRange) => Promise<boolean>): Promise<LmsId | null> {
  if (!await any({ from: [from], fromItself: true, to: null })) return null;
  let low = BigInt(from);
  // Nearly all keys are above 0, and an empty half is one look.
  if (low < 0n && !await any({ from: [from], fromItself: true, to: ["-1"] })) low = 0n;
  for (let width = 1024n;; width *= 16n) {
    const high = low + width - 1n > BigInt(HIGHEST_ID) ? BigInt(HIGHEST_ID) : low + width - 1n;
    if (await any({ from: [String(low)], fromItself: true, to: [String(high)] })) {
      return width === 1024n ? String(low) : await narrowed(low, high, any);
    }
    if (high === BigInt(HIGHEST_ID)) return null; // what was there at first is gone
    low = high + 1n;
  }
}

/** Halves a range that has rows until its beginning is near the first of them. */
async function narrowed(low: bigint, high: bigint, any: (range: KeyRange) => Promise<boolean>): Promise<LmsId> {
  while (high - low > 1024n) {
    const middle = low + (high - low) / 2n;
    if (await any({ from: [String(low)], fromItself: true, to: [String(middle)] })) high = middle;
    else low = middle + 1n;
  }
  return String(low);
}

/** Each bucket as a range of keys. */
export function bucketRanges(form: KeyForm, size: bigint, buckets: readonly bigint[]): KeyRange[] {
  const key = (id: LmsId): Key => form === "pair" ? pairOf(id) : [id];
  return buckets.map((bucket) => ({
    from: key(firstIdOf(bucket, size)),
    fromItself: true,
    to: key(lastIdOf(bucket, size)),
  }));
}
