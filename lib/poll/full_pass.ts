import { collectPiledUpGarbage } from "../drivers/deno/collect_garbage.ts";
import { bucketIn, type BucketSum, firstIdOf, highestBucket, type KeyHash, lowestBucket } from "../model/bucket.ts";
import { KEY_SPACES } from "../model/key_space.ts";
import type { Stream } from "./record/batch.ts";
import { buildBatch } from "./build_batch.ts";
import type { PollContext } from "./poll_context.ts";
import { retryQuarantined } from "./retry_quarantined.ts";
import type { LmsId } from "../model/event.ts";

/** Rows read and recorded at a time: bounds memory and the length of a transaction. */
const PAGE_ROWS = 10_000;
/** Differing buckets looked into at a time: 10 buckets of whole numbers are at most 10,000 rows. */
const PAGE_BUCKETS = 10;
/** Buckets of texts lie all over the table, so each look reads the whole of it: more rows at a time, as many as memory bears. */
const SCAN_ROWS = 200_000;
const FIRST_SPAN = 256;
const MAX_SPAN = 65_536;
/** A page of bucket sums should take about this long: it is many short statements, and there is a little to do between pages. */
const SHORT_PAGE_MS = 1000;
const LONG_PAGE_MS = 4000;

/**
 * Compares every row of a stream with what is known of it: count and xor of the hashes of a thousand ids first, then the
 * ids and hashes of buckets that differ, then the rows that differ. Each query is a snapshot of its own; what moves in
 * between differs again next time. Quarantined rows are always read: the cause may lie outside the hashed columns.
 *
 * The sums of the next page are read while differing buckets of this one are looked into.
 */
export async function fullPass(context: PollContext, stream: Stream): Promise<void> {
  await retryQuarantined(context, stream);
  // For keys that are texts the whole table is summed, whichever buckets are asked for.
  let span = isScanned(stream) ? MAX_SPAN : FIRST_SPAN;
  let next = readSums(context, stream, lowestBucket(stream.bucketSize), span);
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
        context.progress?.at(rows, firstIdOf(last.bucket, stream.bucketSize));
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

/** `span` buckets from the first one that has rows in the LMS; `ours` also covers the gap before it. */
async function readSums(
  { lms, known, clock }: PollContext,
  stream: Stream,
  cursor: bigint,
  span: number,
): Promise<Sums> {
  const startedMs = clock.monotonicMs();
  const size = stream.bucketSize, highest = highestBucket(size);
  const nextId = cursor > highest ? null : await lms.firstIdFrom(stream.kind, firstIdOf(cursor, size));
  const firstMs = clock.monotonicMs() - startedMs;
  if (nextId === null) {
    const ours = await known.bucketSums(stream, cursor, highest + 1n);
    return { theirs: [], ours, end: null, tookMs: firstMs };
  }
  const from = BigInt(bucketIn(nextId, size));
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
  for (const buckets of isScanned(stream) ? byRows(differing, theirs, ours) : byTen(differing)) {
    context.signal.throwIfAborted();
    await lookInto(context, stream, buckets);
  }
}

const isScanned = ({ bucketSize }: Stream) => bucketSize === KEY_SPACES.text.bucketSize;

function* byTen(buckets: readonly bigint[]): Iterable<readonly bigint[]> {
  for (let i = 0; i < buckets.length; i += PAGE_BUCKETS) yield buckets.slice(i, i + PAGE_BUCKETS);
}

/** Buckets in parts of about {@link SCAN_ROWS} rows. */
function* byRows(buckets: readonly bigint[], ...sums: readonly (readonly BucketSum[])[]): Iterable<readonly bigint[]> {
  const rows = new Map<bigint, number>();
  for (const { bucket, count } of sums.flat()) rows.set(bucket, Math.max(count, rows.get(bucket) ?? 0));
  let part: bigint[] = [], size = 0;
  for (const bucket of buckets) {
    part.push(bucket);
    size += rows.get(bucket) ?? 0;
    if (size < SCAN_ROWS) continue;
    yield part;
    part = [];
    size = 0;
  }
  if (part.length > 0) yield part;
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
    // Several rows of one key differ in every pass. A key in quarantine was read again, and counted, when the pass began.
    const fresh = bad.filter(({ id, hash }) => before.get(id)?.hash !== hash || before.get(id)?.open !== true);
    const batch = await buildBatch(context, stream, { rows, bad: fresh, before }, { gone: lost });
    if (batch.changes.length > 0) await context.sink.record(batch);
    collectPiledUpGarbage();
  }
}

/** Buckets whose count or xor differs, or that only one side has, ascending. Pure. */
function differingBuckets(theirs: readonly BucketSum[], ours: readonly BucketSum[]): bigint[] {
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
function differingKeys(theirs: readonly KeyHash[], ours: readonly KeyHash[]) {
  const mine = new Map(ours.map((k) => [k.id, k.hash]));
  const changed: LmsId[] = [];
  for (const { id, hash } of theirs) {
    if (mine.get(id) !== hash) changed.push(id);
    mine.delete(id);
  }
  return { changed, gone: [...mine.keys()] };
}
