import assert from "node:assert/strict";
import { type BucketPages, sumsInLanes } from "../../lib/source/bucket_lanes.ts";

/** An LMS that has rows in the given buckets, and what it is asked. */
function lmsWith(buckets: readonly bigint[], fails: (from: bigint) => boolean = () => false) {
  const asked: string[] = [];
  let open = 0, most = 0;
  const pages: BucketPages = {
    page: async (from, to) => {
      asked.push(`${from}-${to}`);
      most = Math.max(most, ++open);
      // Even pages are slower than odd ones, so that they end in another order than they began.
      for (let i = from % 2n; i < 2n; i++) await Promise.resolve();
      open--;
      if (fails(from)) throw new RangeError(`page ${from}`);
      return buckets.filter((b) => b >= from && b < to).reverse().map((bucket) => ({ bucket, count: 1, xor: "1" }));
    },
    nextBucket: (from) => {
      asked.push(`next ${from}`);
      return Promise.resolve(buckets.find((b) => b >= from) ?? null);
    },
  };
  return { pages, asked, most: () => most, open: () => open };
}

Deno.test("sumsInLanes() gives every bucket of the range once, ascending, by two statements at a time", async () => {
  const all = Array.from({ length: 300 }, (_, i) => BigInt(i - 20));
  const lms = lmsWith(all);
  const sums = await sumsInLanes(lms.pages, -10n, 246n);
  assert.deepEqual(sums.map(({ bucket }) => bucket), all.filter((b) => b >= -10n && b < 246n));
  assert.equal(lms.asked.length, 16, "eight statements a lane");
  assert.equal(lms.most(), 2);
});

Deno.test("sumsInLanes() jumps over gaps between ids", async () => {
  const lms = lmsWith([3n, 9_000_000_000n, 9_007_199_254_740n]);
  const sums = await sumsInLanes(lms.pages, 0n, 10_000_000_000_000n);
  assert.deepEqual(sums.map(({ bucket }) => bucket), [3n, 9_000_000_000n, 9_007_199_254_740n]);
  assert.ok(lms.asked.length < 30, lms.asked.join(", "));
  assert.deepEqual(await sumsInLanes(lms.pages, 4n, 5n), []);
});

Deno.test("sumsInLanes() fails when both lanes are at rest, and begins no page after a failure", async () => {
  const lms = lmsWith(Array.from({ length: 4000 }, (_, i) => BigInt(i)), (from) => from === 500n);
  await assert.rejects(sumsInLanes(lms.pages, 0n, 100_000n), /page 500/);
  assert.equal(lms.open(), 0);
  assert.ok(lms.asked.length <= 4, lms.asked.join(", "));
});
