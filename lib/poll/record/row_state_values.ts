import type { RowState } from "../../model/attempt.ts";
import { bucketIn } from "../../model/bucket.ts";
import { KEY_SPACES } from "../../model/key_space.ts";
import { tombstoneOf } from "../../model/erased.ts";
import type { LmsId } from "../../model/event.ts";
import type { Stage, Verdict } from "../../model/event_types.ts";
import { formatUtc } from "../../model/time.ts";
import { numberArrayLiteral } from "../../state/array_literal.ts";

/** Reads as the hash of a row whose hash was made by another recipe: equals none. */
export const STALE_HASH = "";
/** Stored with such a row when it is written again without being read: no recipe ever has this number. */
const NO_RECIPE = "-1";

const STAGES: readonly (Stage | "none")[] = ["none", "started", "finished"];
const VERDICTS: readonly Verdict[] = ["fail", "pass"];

export const stageOf = (stored: number): Stage | "none" => STAGES[stored] ?? "none";
export const verdictOf = (stored: number | null): Verdict | null => stored === null ? null : VERDICTS[stored] ?? null;
export const stageNumber = (stage: Stage | "none"): number => STAGES.indexOf(stage);

const text = (value: number | null) => value === null ? null : String(value);

/**
 * Values of lmsmon.row_states after stream_id: row_key, student_id, activity_id, hash, recipe, stage, verdict, score,
 * percentage, revision, is_open, seen_open, erased_student. A new row has only these and last_event_id.
 */
export function rowStateValues(after: RowState, recipe: number): (string | null)[] {
  const { verdict, score, percentage } = after.reported;
  const stale = after.hash === STALE_HASH;
  const tombstone = tombstoneOf(after.studentId);
  return [
    after.id,
    tombstone === null ? after.studentId : null,
    after.activityId,
    stale ? "0" : after.hash,
    stale ? NO_RECIPE : String(recipe),
    String(stageNumber(after.stage)),
    verdict === null ? null : verdict === "pass" ? "1" : "0",
    text(score),
    text(percentage),
    String(after.revision),
    after.open ? "t" : "f",
    after.seenOpen ? "t" : "f",
    tombstone,
  ];
}

/** Values that follow those of {@link rowStateValues} where a row was known before: incarnation, attempt_no, missing_since, missing_at_pass. */
export function laterValues({ incarnation, attemptNo, missingSince, missingAtPass }: RowState): (string | null)[] {
  return [
    String(incarnation),
    text(attemptNo ?? null),
    missingSince === null ? null : formatUtc(missingSince),
    text(missingAtPass),
  ];
}

/** Positions in {@link rowStateValues} of what the LMS sent and nothing here made: ids and the hash. */
export const ROW_STATE_TEXTS: readonly number[] = [0, 1, 2, 3];

/** Sums up what a batch does to the counts and xors of buckets. Signed 64-bit. */
export class BucketDeltas {
  readonly #deltas = new Map<string, { count: number; xor: bigint }>();

  constructor(private readonly bucketSize: bigint = KEY_SPACES.integer.bucketSize) {}

  copy(): BucketDeltas {
    const copy = new BucketDeltas(this.bucketSize);
    for (const [bucket, delta] of this.#deltas) copy.#deltas.set(bucket, { ...delta });
    return copy;
  }

  add(id: LmsId, hash: string | null): void {
    if (hash !== null && hash !== STALE_HASH) this.#change(id, hash, 1);
  }

  remove(id: LmsId, hash: string | null): void {
    if (hash !== null && hash !== STALE_HASH) this.#change(id, hash, -1);
  }

  #change(id: LmsId, hash: string, count: number): void {
    const bucket = bucketIn(id, this.bucketSize);
    const delta = this.#deltas.get(bucket);
    if (delta) {
      delta.count += count;
      delta.xor ^= BigInt(hash);
    } else this.#deltas.set(bucket, { count, xor: BigInt(hash) });
  }

  /** Array literals of the buckets that change, ascending: two writers must not meet in opposite orders. */
  literals(): { buckets: string; counts: string; xors: string } | null {
    const changed = [...this.#deltas].filter(([, d]) => d.count !== 0 || d.xor !== 0n)
      .sort(([a], [b]) => BigInt(a) < BigInt(b) ? -1 : 1);
    if (changed.length === 0) return null;
    return {
      buckets: numberArrayLiteral(changed.map(([bucket]) => bucket)),
      counts: numberArrayLiteral(changed.map(([, d]) => d.count)),
      xors: numberArrayLiteral(changed.map(([, d]) => String(BigInt.asIntN(64, d.xor)))),
    };
  }
}
