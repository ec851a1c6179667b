import type { BucketSum, KeyHash } from "../model/bucket.ts";
import type { LmsId } from "../model/event.ts";

/** Buckets whose count or xor differs, or that only one side has, ascending. Pure. */
export function differingBuckets(theirs: readonly BucketSum[], ours: readonly BucketSum[]): bigint[] {
  const mine = new Map(ours.filter((b) => b.count > 0).map((b) => [b.bucket, b]));
  const differing: bigint[] = [];
  for (const bucket of theirs) {
    const known = mine.get(bucket.bucket);
    mine.delete(bucket.bucket);
    if (!known || known.count !== bucket.count || known.xor !== bucket.xor) differing.push(bucket.bucket);
  }
  return [...differing, ...mine.keys()].sort((a, b) => a < b ? -1 : 1);
}

/** Ids that are new or have another hash, and ids that the LMS no longer has. Pure. */
export function differingKeys(theirs: readonly KeyHash[], ours: readonly KeyHash[]) {
  const mine = new Map(ours.map((k) => [k.id, k.hash]));
  const changed: LmsId[] = [];
  for (const { id, hash } of theirs) {
    if (mine.get(id) !== hash) changed.push(id);
    mine.delete(id);
  }
  return { changed, gone: [...mine.keys()] };
}
