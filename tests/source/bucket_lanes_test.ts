import assert from "node:assert/strict";
import { type BucketPages, sumsInLanes } from "../../lib/source/bucket_lanes.ts";

/** An LMS that has rows in the given buckets, and what it is asked. */
function lmsWith(buckets: readonly number[], fails: (from: number) => boolean = () => false) {
  const asked: string[] = [];
  let open = 0, most = 0;
  const pages: BucketPages = {
    page: async (from, to) => {
      asked.push(`${from}-${to}`);
      most = Math.max(most, ++open);
      // Even pages are slower than odd ones, so that they end in another order than they began.
      for (let i = from % 2; i < 2; i++) await Promise.resolve();
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
  const all = Array.from({ length: 300 }, (_, i) => i - 20);
  const lms = lmsWith(all);
  const sums = await sumsInLanes(lms.pages, -10, 246);
  assert.deepEqual(sums.map(({ bucket }) => bucket), all.filter((b) => b >= -10 && b < 246));
  assert.equal(lms.asked.length, 16, "eight statements a lane");
  assert.equal(lms.most(), 2);
});

Deno.test("sumsInLanes() jumps over gaps between ids", async () => {
  const lms = lmsWith([3, 9_000_000_000, 9_007_199_254_740]);
  const sums = await sumsInLanes(lms.pages, 0, 10_000_000_000_000);
  assert.deepEqual(sums.map(({ bucket }) => bucket), [3, 9_000_000_000, 9_007_199_254_740]);
  assert.ok(lms.asked.length < 30, lms.asked.join(", "));
  assert.deepEqual(await sumsInLanes(lms.pages, 4, 5), []);
});

Deno.test("sumsInLanes() fails when both lanes are at rest, and begins no page after a failure", async () => {
  const lms = lmsWith(Array.from({ length: 4000 }, (_, i) => i), (from) => from === 500);
  await assert.rejects(sumsInLanes(lms.pages, 0, 100_000), /page 500/);
  assert.equal(lms.open(), 0);
  assert.ok(lms.asked.length <= 4, lms.asked.join(", "));
});
