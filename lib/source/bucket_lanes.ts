import type { BucketSum } from "../model/bucket.ts";

/** Buckets per statement: at most half a million rows, a second or so. */
const BUCKETS_PER_PAGE = 500;
/**
 * Statements of a pass at the same time, as many as the drivers have connections: a pass takes half as long, and never
 * keeps more than two of the LMS's processes busy.
 */
export const LANES = 2;
/** At least so many statements per lane: the lanes end together, and what else is asked of the LMS waits for a short one only. */
const PAGES_A_LANE = 8;

/** Into how many statements a range is cut: at most so many buckets each, and at least so many statements a lane. */
export interface PageSizes {
  readonly buckets: number;
  readonly aLane: number;
}

export interface BucketPages {
  /** The buckets that have rows, from <= bucket < to, by one statement. */
  page(from: bigint, to: bigint): Promise<readonly BucketSum[]>;
  /** The first bucket from `from` on that has rows; `null` when there is none. */
  nextBucket(from: bigint): Promise<bigint | null>;
}

/** The buckets with from <= bucket < end that have rows, ascending, read by several statements at a time. */
export async function sumsInLanes(
  pages: BucketPages,
  from: bigint,
  end: bigint,
  sizes: PageSizes = { buckets: BUCKETS_PER_PAGE, aLane: PAGES_A_LANE },
): Promise<BucketSum[]> {
  const even = Math.ceil(Number(end - from) / LANES / sizes.aLane);
  const size = BigInt(Math.max(1, Math.min(sizes.buckets, even)));
  const sums: BucketSum[] = [];
  let next = from;
  const lane = async () => {
    while (next < end) {
      const start = next;
      const stop = next = lower(start + size, end);
      const found = await pages.page(start, stop);
      sums.push(...found);
      if (found.length > 0 || stop >= end) continue;
      // Ids may lie far apart: jump over the gap instead of asking for every thousand ids in it.
      const after = await pages.nextBucket(stop) ?? end;
      if (after > next) next = after; // the other lane may be further by now
    }
  };
  const lanes = Array.from({ length: LANES }, () =>
    lane().catch((error) => {
      next = end; // the other one begins no further page for a result that nobody gets
      throw error;
    }));
  for (const lane of await Promise.allSettled(lanes)) if (lane.status === "rejected") throw lane.reason;
  return sums.sort((a, b) => a.bucket < b.bucket ? -1 : 1);
}

const lower = (a: bigint, b: bigint) => a < b ? a : b;
