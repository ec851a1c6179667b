import type { Key, KeyRange } from "../../sql/lms/query_kind.ts";
import { firstIdOf, lastIdOf } from "../model/bucket.ts";
import { type KeyForm, pairOf } from "../model/key_space.ts";
import type { LmsId } from "../model/event.ts";
import { HIGHEST_ID, LOWEST_ID } from "../model/lms_ids.ts";
import type { RowPage } from "./lms_source.ts";

/**
 * An id at or below the first one from `from` on, with nothing in between; found by doubling a range until something is in it. min()
 * would read everything where the query is a join.
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

/** A page of a query that nothing drives: a range of its own key, wide enough for a page, as far as there are rows. */
export async function pageOfRanges(
  after: LmsId | null,
  limit: number,
  any: (range: KeyRange) => Promise<boolean>,
  read: (range: KeyRange) => Promise<RowPage>,
): Promise<RowPage> {
  for (let start = after === null ? BigInt(LOWEST_ID) : BigInt(after) + 1n;;) {
    const first = await firstInRanges(String(start), any);
    if (first === null) return { rows: [], bad: [] };
    const end = BigInt(first) + BigInt(limit) - 1n;
    const stop = end > BigInt(HIGHEST_ID) ? BigInt(HIGHEST_ID) : end;
    const page = await read({ from: [first], fromItself: true, to: [String(stop)] });
    if (stop === BigInt(HIGHEST_ID)) return page;
    if (page.rows.length + page.bad.length > 0) return { ...page, next: String(stop) };
    start = stop + 1n;
  }
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

/** Works on a range of keys in parts, several at a time; `edgeOf`: the key at which the next part ends, `null` when it is the last one. */
export async function eachRange(
  whole: KeyRange,
  edgeOf: (range: KeyRange) => Promise<Key | null>,
  work: (range: KeyRange) => Promise<void>,
  lanes: number,
): Promise<void> {
  const running = new Set<Promise<void>>();
  try {
    for (let rest: KeyRange | null = whole; rest !== null;) {
      const range: KeyRange = rest;
      const edge: Key | null = await edgeOf(range);
      const part = work(edge === null ? range : { ...range, to: edge }).finally(() => running.delete(part));
      part.catch(() => {}); // thrown below, or by the race
      running.add(part);
      if (running.size >= lanes) await Promise.race(running);
      rest = edge === null ? null : { ...range, from: edge, fromItself: false };
    }
    await Promise.all(running);
  } finally {
    await Promise.allSettled(running); // nothing goes on behind the back of whoever deals with a failure
  }
}
