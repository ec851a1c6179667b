import { collectPiledUpGarbage } from "../drivers/deno/collect_garbage.ts";
import { BUCKET_SIZE, bucketOf, type BucketSum, firstIdOf, HIGHEST_BUCKET, LOWEST_BUCKET } from "../model/bucket.ts";
import type { Stream } from "./record/batch.ts";
import { differingBuckets, differingKeys } from "./buckets.ts";
import { buildBatch } from "./build_batch.ts";
import type { PollContext } from "./poll_context.ts";
import { retryQuarantined } from "./retry_quarantined.ts";

/** Rows read and recorded at a time: bounds memory and the length of a transaction. */
const PAGE_ROWS = 10_000;
/** Buckets looked into at a time when they differ: 10 buckets are at most 10,000 rows. */
const PAGE_BUCKETS = PAGE_ROWS / BUCKET_SIZE;
const FIRST_SPAN = 256;
const MAX_SPAN = 65_536;
/** A page of bucket sums should take about this long: it is many short statements, and there is a little to do between pages. */
const SHORT_PAGE_MS = 1000;
const LONG_PAGE_MS = 4000;

/**
 * Compares every row of a stream with what is known of it: count and xor of the hashes of a thousand ids first, then the
 * ids and hashes of buckets that differ, then the rows that differ. Each query is a snapshot of its own; what moves in
 * between differs again next time. What hinders a row from being read may be no part of its hash, so quarantined rows
 * are read whatever their hash says.
 *
 * The sums of the next page are read while differing buckets of this one are looked into.
 */
export async function fullPass(context: PollContext, stream: Stream): Promise<void> {
  await retryQuarantined(context, stream);
  let span = FIRST_SPAN;
  let next = readSums(context, stream, LOWEST_BUCKET, span);
  try {
    while (true) {
      context.signal.throwIfAborted();
      const page = await next;
      context.tally.sumsMs = (context.tally.sumsMs ?? 0) + page.tookMs;
      if (page.tookMs < SHORT_PAGE_MS) span = Math.min(span * 2, MAX_SPAN);
      if (page.tookMs > LONG_PAGE_MS) span = Math.max(Math.floor(span / 2), 1);
      if (page.end !== null) {
        next = readSums(context, stream, page.end, span);
        next.catch(() => {}); // awaited in the next turn; a failure of comparing must not leave it unhandled
      }
      await compare(context, stream, page.theirs, page.ours);
      const last = page.theirs.at(-1);
      if (last !== undefined) {
        const rows = page.theirs.reduce((sum, bucket) => sum + bucket.count, 0);
        context.progress?.at(rows, firstIdOf(last.bucket));
      }
      if (page.end === null) return;
    }
  } finally {
    await next.catch(() => {}); // nothing goes on behind the back of whoever deals with a failure
  }
}

interface Sums {
  readonly theirs: readonly BucketSum[];
  readonly ours: readonly BucketSum[];
  /** The bucket after the page; `null` when the LMS has no row beyond. */
  readonly end: bigint | null;
  /** The statements in the LMS alone, milliseconds. */
  readonly tookMs: number;
}

/** `span` buckets from the first one that has rows in the LMS; `ours` also of the gap before it. */
async function readSums(
  { lms, known, clock }: PollContext,
  stream: Stream,
  cursor: bigint,
  span: number,
): Promise<Sums> {
  const startedMs = clock.monotonicMs();
  const nextId = cursor > HIGHEST_BUCKET ? null : await lms.firstIdFrom(stream.kind, firstIdOf(cursor));
  const firstMs = clock.monotonicMs() - startedMs;
  if (nextId === null) {
    const ours = await known.bucketSums(stream, cursor, HIGHEST_BUCKET + 1n);
    return { theirs: [], ours, end: null, tookMs: firstMs };
  }
  const from = BigInt(bucketOf(nextId));
  const end = from + BigInt(span);
  const reading = lms.buckets(stream.kind, from, end).then((theirs) => (
    { theirs, tookMs: clock.monotonicMs() - startedMs }
  ));
  const [{ theirs, tookMs }, ours] = await Promise.all([reading, known.bucketSums(stream, cursor, end)]);
  return { theirs, ours, end, tookMs };
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

async function lookInto(context: PollContext, stream: Stream, buckets: readonly bigint[]): Promise<void> {
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
    const batch = await buildBatch(context, stream, { rows, bad, before }, { gone: lost });
    if (batch.changes.length > 0) await context.sink.record(batch);
    collectPiledUpGarbage();
  }
}
