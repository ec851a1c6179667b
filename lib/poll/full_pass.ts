import { BUCKET_SIZE, type BucketSum, type KeyHash } from "../lms/lms_source.ts";
import type { LmsId } from "../model/event.ts";
import type { Stream } from "../store/batch.ts";
import { buildBatch } from "./build_batch.ts";
import type { PollContext } from "./poll_context.ts";

/** Rows read and recorded at a time: bounds memory and the length of a transaction. */
const PAGE_ROWS = 10_000;
/** Buckets looked into at a time when they differ: 10 buckets are at most 10,000 rows. */
const PAGE_BUCKETS = PAGE_ROWS / BUCKET_SIZE;
const FIRST_SPAN = 256;
const MAX_SPAN = 65_536;
/** A page of bucket sums should take about this long in the LMS: long enough to be efficient, short enough to hurt nobody. */
const SHORT_PAGE_MS = 300;
const LONG_PAGE_MS = 1500;

const bucketOf = (id: LmsId) => Number(BigInt(id) / BigInt(BUCKET_SIZE));
const firstIdOf = (bucket: number): LmsId => (BigInt(bucket) * BigInt(BUCKET_SIZE)).toString();

/**
 * Compares every row of a stream with what is known of it: count and xor of the hashes of a thousand ids first, then the
 * ids and hashes of buckets that differ, then the rows that differ. Each query is a snapshot of its own; what moves in
 * between differs again next time. Returns the highest id seen.
 */
export async function fullPass(context: PollContext, stream: Stream): Promise<void> {
  const { lms, known, clock } = context;
  let cursor = 0;
  let span = FIRST_SPAN;
  while (true) {
    context.signal.throwIfAborted();
    const nextId = await lms.firstIdFrom(stream.kind, firstIdOf(cursor));
    const from = nextId === null ? Number.MAX_SAFE_INTEGER : bucketOf(nextId);
    if (from > cursor) await compare(context, stream, [], await known.bucketSums(stream, cursor, from));
    if (nextId === null) return;
    const to = from + span;
    const startedMs = clock.monotonicMs();
    const theirs = await lms.buckets(stream.kind, from, to);
    const tookMs = clock.monotonicMs() - startedMs;
    await compare(context, stream, theirs, await known.bucketSums(stream, from, to));
    if (tookMs < SHORT_PAGE_MS) span = Math.min(span * 2, MAX_SPAN);
    if (tookMs > LONG_PAGE_MS) span = Math.max(Math.floor(span / 2), 1);
    cursor = to;
  }
}

async function compare(
  context: PollContext,
  stream: Stream,
  theirs: readonly BucketSum[],
  ours: readonly BucketSum[],
): Promise<void> {
  const differing = differingBuckets(theirs, ours);
  for (let i = 0; i < differing.length; i += PAGE_BUCKETS) {
    context.signal.throwIfAborted();
    await lookInto(context, stream, differing.slice(i, i + PAGE_BUCKETS));
  }
}

/** Buckets whose count or xor differs, or that only one side has, ascending. Pure. */
export function differingBuckets(theirs: readonly BucketSum[], ours: readonly BucketSum[]): number[] {
  const mine = new Map(ours.filter((b) => b.count > 0).map((b) => [b.bucket, b]));
  const differing: number[] = [];
  for (const bucket of theirs) {
    const known = mine.get(bucket.bucket);
    mine.delete(bucket.bucket);
    if (!known || known.count !== bucket.count || known.xor !== bucket.xor) differing.push(bucket.bucket);
  }
  return [...differing, ...mine.keys()].sort((a, b) => a - b);
}

async function lookInto(context: PollContext, stream: Stream, buckets: readonly number[]): Promise<void> {
  const [theirs, ours] = await Promise.all([
    context.lms.keyHashes(stream.kind, buckets),
    context.known.keyHashes(stream, buckets),
  ]);
  const { changed, gone } = differingKeys(theirs, ours);
  for (let i = 0; i < changed.length || i === 0; i += PAGE_ROWS) {
    const ids = changed.slice(i, i + PAGE_ROWS);
    const { rows, bad } = await context.lms.rowsByIds(stream.kind, ids);
    const before = await context.known.statesByKeys(stream, i === 0 ? [...ids, ...gone] : ids);
    const lost = i === 0 ? gone.flatMap((id) => before.get(id) ?? []) : [];
    const batch = await buildBatch(context, stream, { rows, bad, before }, lost);
    if (batch.changes.length > 0) await context.sink.record(batch);
  }
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
