import { z } from "zod";
import { bool, float8, int4, int8, neverNull, text, timestamptz } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const RowStateRow = z.object({
  row_key: int8,
  student_id: int8.nullable(),
  /** In the student's place, once that student is erased: the tombstone's hash. */
  erased_student: text.nullable(),
  activity_id: int8.nullable(),
  incarnation: int4,
  attempt_no: int4.nullable(),
  hash: int8.nullable(),
  recipe: int4,
  stage: int4,
  verdict: int4.nullable(),
  score: float8.nullable(),
  percentage: float8.nullable(),
  revision: int4,
  is_open: bool,
  seen_open: bool,
  last_event_id: int8.nullable(),
  missing_since: timestamptz.nullable(),
  missing_at_pass: int4.nullable(),
});
export type RowStateRow = z.infer<typeof RowStateRow>;

/** `keys`: a bigint[] literal, without repetitions. */
export const rowStatesByKeys = (sql: Queryable, streamId: number, keys: string) =>
  sql<RowStateRow[]>`
    select r.row_key, r.student_id, r.erased_student, r.activity_id, r.incarnation, r.attempt_no, r.hash, r.recipe, r.stage,
      r.verdict, r.score, r.percentage,
      r.revision, r.is_open, r.seen_open, r.last_event_id, r.missing_since, r.missing_at_pass
    from unnest(${keys}::bigint[]) as u (key)
    join lmsmon.row_states r on r.stream_id = ${streamId} and r.row_key = u.key`;

export const OpenRowKeyRow = z.object({ row_key: int8 });
export type OpenRowKeyRow = z.infer<typeof OpenRowKeyRow>;

export const openRowKeys = (sql: Queryable, streamId: number, after: string | null, limit: number) =>
  sql<OpenRowKeyRow[]>`
    select row_key from lmsmon.row_states
     where stream_id = ${streamId} and is_open and row_key > coalesce(${after}::bigint, -9223372036854775808)
     order by row_key limit ${limit}::int`;

export const AnyRowStateRow = z.object({ any: neverNull(bool) });
export type AnyRowStateRow = z.infer<typeof AnyRowStateRow>;

export const anyRowState = (sql: Queryable, streamId: number) =>
  sql<AnyRowStateRow[]>`select exists (select 1 from lmsmon.row_states where stream_id = ${streamId}) as any`;

export const BucketSumRow = z.object({ bucket: int8, row_count: int4, hash_xor: int8 });
export type BucketSumRow = z.infer<typeof BucketSumRow>;

export const bucketSums = (sql: Queryable, streamId: number, from: string, to: string) =>
  sql<BucketSumRow[]>`
    select bucket, row_count, hash_xor from lmsmon.row_buckets
     where stream_id = ${streamId} and bucket >= ${from}::bigint and bucket < ${to}::bigint and row_count <> 0
     order by bucket`;

export const KeyHashRow = z.object({ row_key: int8, hash: neverNull(int8) });
export type KeyHashRow = z.infer<typeof KeyHashRow>;

/**
 * Ids and hashes that count: of this recipe, and not missing. `firsts` and `lasts`: keys of the buckets, bigint[] literals. Lateral
 * and ordered inside, so that it is one index range a bucket: as a plain join it read the whole table per bucket until the
 * first analyze (10 buckets of a million rows: 1.99 s against 8 ms) and was compiled at length after it (143 ms against 3).
 */
export const keyHashes = (sql: Queryable, streamId: number, recipe: number, firsts: string, lasts: string) =>
  sql<KeyHashRow[]>`
    select r.row_key, r.hash
    from unnest(${firsts}::bigint[], ${lasts}::bigint[]) as b (first_key, last_key)
    cross join lateral (
      select s.row_key, s.hash, s.recipe from lmsmon.row_states s
      where s.stream_id = ${streamId} and s.row_key >= b.first_key and s.row_key <= b.last_key
      order by s.row_key) r
    where r.hash is not null and r.recipe = ${recipe}::int
    order by r.row_key`;

export const SampleRow = z.object({ row_key: neverNull(int8), hash: neverNull(int8) });
export type SampleRow = z.infer<typeof SampleRow>;

/** Known rows of a stream from both ends of its ids, at most 2 × `each`. */
export const sampleRows = (sql: Queryable, streamId: number, recipe: number, each: number) =>
  sql<SampleRow[]>`
    (select row_key, hash from lmsmon.row_states
      where stream_id = ${streamId} and hash is not null and recipe = ${recipe}::int
      order by row_key limit ${each}::int)
    union
    (select row_key, hash from lmsmon.row_states
      where stream_id = ${streamId} and hash is not null and recipe = ${recipe}::int
      order by row_key desc limit ${each}::int)`;

/** Columns in the order of `rowStateValues` and `laterValues` in lib/poll/record/row_state_values.ts and last_event_id, as array literals. */
export const upsertRowStates = (sql: Queryable, streamId: number, columns: readonly string[]) => {
  const [key, student, activity, hash, recipe, stage, verdict, score, percentage, revision, open, seenOpen, ...more] =
    columns;
  const [erased, incarnation, attemptNo, missing, missingAtPass, event] = more;
  return sql`
    insert into lmsmon.row_states as old (stream_id, row_key, student_id, activity_id, hash, recipe, stage, verdict, score,
      percentage, revision, is_open, seen_open, erased_student, incarnation, attempt_no, missing_since, missing_at_pass,
      last_event_id)
    select ${streamId}::smallint, u.* from unnest(${key ?? null}::bigint[], ${student ?? null}::bigint[], ${
    activity ?? null
  }::bigint[], ${hash ?? null}::bigint[], ${recipe ?? null}::int[], ${stage ?? null}::smallint[], ${
    verdict ?? null
  }::smallint[], ${score ?? null}::double precision[], ${percentage ?? null}::double precision[], ${
    revision ?? null
  }::int[], ${open ?? null}::boolean[], ${seenOpen ?? null}::boolean[], ${erased ?? null}::text[], ${
    incarnation ?? null
  }::int[], ${attemptNo ?? null}::int[], ${missing ?? null}::timestamptz[], ${missingAtPass ?? null}::int[], ${
    event ?? null
  }::bigint[]) as u
    on conflict (stream_id, row_key) do update set student_id = excluded.student_id,
      erased_student = excluded.erased_student, activity_id = excluded.activity_id, incarnation = excluded.incarnation,
      attempt_no = excluded.attempt_no, hash = excluded.hash, recipe = excluded.recipe, stage = excluded.stage,
      verdict = excluded.verdict, score = excluded.score, percentage = excluded.percentage, revision = excluded.revision,
      is_open = excluded.is_open, seen_open = excluded.seen_open, last_event_id = excluded.last_event_id,
      missing_since = excluded.missing_since, missing_at_pass = excluded.missing_at_pass`;
};

/** Rows that are new: the first of their id, and there. */
export const copyRowStates = (sql: Queryable) =>
  sql`
    copy lmsmon.row_states (stream_id, row_key, student_id, activity_id, hash, recipe, stage, verdict, score, percentage, revision,
      is_open, seen_open, erased_student, last_event_id) from stdin`;

/** Adds to counts and xors; columns are array literals. */
export const addToBuckets = (sql: Queryable, streamId: number, buckets: string, counts: string, xors: string) =>
  sql`
    insert into lmsmon.row_buckets as old (stream_id, bucket, row_count, hash_xor)
    select ${streamId}::smallint, u.* from unnest(${buckets}::bigint[], ${counts}::int[], ${xors}::bigint[]) as u
    on conflict (stream_id, bucket) do update
      set row_count = old.row_count + excluded.row_count, hash_xor = old.hash_xor # excluded.hash_xor`;
