import type { LmsQueries } from "../../sql/lms/queries.ts";
import {
  BUCKET_SIZE,
  bucketOf,
  type BucketSum,
  firstIdOf,
  HIGHEST_BUCKET,
  type KeyHash,
  lastIdOf,
  LOWEST_BUCKET,
} from "../model/bucket.ts";
import type { LmsId } from "../model/event.ts";
import type { Kind } from "../model/event_types.ts";
import { sumsInLanes } from "./bucket_lanes.ts";
import type { LmsSession } from "./lms_driver.ts";
import { compareIds, readId } from "./lms_values.ts";
import { LOOKS, shortfall } from "./whole_pages.ts";

/** Ranges of differing buckets per statement. */
const RANGES_PER_PAGE = 20;

/** What the buckets of a kind are read with: one transaction, and the queries for the tables as they are. */
export interface BucketAccess {
  read<T>(work: (session: LmsSession, queries: LmsQueries) => Promise<T>): Promise<T>;
}

/** The smallest id >= `from`; `null` when there is none. */
export async function firstIdFrom(access: BucketAccess, kind: Kind, from: LmsId): Promise<LmsId | null> {
  const [row] = await access.read((session, queries) => session.rows(queries.firstIdFrom(kind, from)));
  return readId(row?.[0]) ?? null;
}

/** Sums of the buckets with from <= bucket < to that have rows. */
export function readBuckets(access: BucketAccess, kind: Kind, from: bigint, to: bigint): Promise<BucketSum[]> {
  return sumsInLanes(
    {
      page: async (from, to) => {
        const found = await access.read((session, queries) =>
          session.rows(queries.buckets(kind, firstIdOf(from), lastIdOf(to - 1n), BUCKET_SIZE))
        );
        return found.map(([bucket, n, xor]) => ({ bucket: BigInt(bucket ?? 0), count: Number(n), xor: xor ?? "0" }));
      },
      nextBucket: async (from) => {
        const id = await firstIdFrom(access, kind, firstIdOf(from));
        return id === null ? null : BigInt(bucketOf(id));
      },
    },
    from < LOWEST_BUCKET ? LOWEST_BUCKET : from,
    to > HIGHEST_BUCKET ? HIGHEST_BUCKET + 1n : to,
  );
}

/**
 * Ids and hashes of the rows of the buckets, ascending. Counted in the same snapshot: what comes short is looked at again, and
 * is an error when it stays short, since a row that does not come would pass for one that is gone.
 */
export async function readKeyHashes(
  access: BucketAccess,
  kind: Kind,
  buckets: readonly bigint[],
): Promise<KeyHash[]> {
  const found: KeyHash[] = [];
  const ranges = idRanges(buckets);
  for (let i = 0; i < ranges.length; i += RANGES_PER_PAGE) {
    found.push(...await readRanges(access, kind, ranges.slice(i, i + RANGES_PER_PAGE)));
  }
  return found.sort((a, b) => compareIds(a.id, b.id));
}

async function readRanges(
  access: BucketAccess,
  kind: Kind,
  ranges: readonly (readonly [first: LmsId, last: LmsId])[],
): Promise<KeyHash[]> {
  for (let look = 1;; look++) {
    const { rows, counted } = await access.read(async (session, queries) => {
      const rows = await session.rows(queries.keyHashes(kind, ranges));
      const counts = await session.rows(queries.countOf(kind, ranges));
      return { rows, counted: counts.reduce((sum, [n]) => sum + Number(n), 0) };
    });
    if (rows.length >= counted) return rows.map(([id, hash]) => ({ id: readId(id) ?? "", hash: hash ?? "" }));
    if (look === LOOKS) {
      throw shortfall(`${rows.length} rows of ${kind} attempts ${ranges[0]?.[0]} to ${ranges.at(-1)?.[1]}`, counted);
    }
  }
}

/** Neighbouring buckets as one range of ids, its first and its last, at most ten thousand ids long. */
function idRanges(buckets: readonly bigint[]): [LmsId, LmsId][] {
  const ranges: [bigint, bigint][] = [];
  for (const bucket of [...new Set(buckets)].sort((a, b) => a < b ? -1 : 1)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] + 1n === bucket && bucket - last[0] < 10n) last[1] = bucket;
    else ranges.push([bucket, bucket]);
  }
  return ranges.map(([first, last]) => [firstIdOf(first), lastIdOf(last)]);
}
