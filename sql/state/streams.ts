import { z } from "zod";
import { bool, float8, int4, int8, neverNull, text, timestamptz } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const StreamRow = z.object({
  stream_id: int4,
  source: text,
  kind: z.enum(["exam", "assignment", "content"]),
  recipe: int4,
  first_contact_done: neverNull(bool),
  highest_row_key: int8.nullable(),
  last_full_pass_at: timestamptz.nullable(),
  full_passes: int4,
  key_form: int4,
});
export type StreamRow = z.infer<typeof StreamRow>;

export const addSource = (sql: Queryable, source: string) =>
  sql`insert into lmsmon.sources (source) values (${source}) on conflict do nothing`;

/** `not exists`, since a conflict alone would use up a number of the small identity column at every start. */
export const addStream = (sql: Queryable, source: string, kind: string, recipe: number, keyForm: number) =>
  sql`
    insert into lmsmon.streams (source, kind, recipe, key_form)
    select ${source}, ${kind}, ${recipe}::int, ${keyForm}::smallint
     where not exists (select 1 from lmsmon.streams where source = ${source} and kind = ${kind})
    on conflict do nothing`;

export const readStreams = (sql: Queryable, source: string) =>
  sql<StreamRow[]>`
    select stream_id, source, kind, recipe, first_contact_completed_at is not null as first_contact_done, highest_row_key,
      last_full_pass_at, full_passes, key_form
    from lmsmon.streams where source = ${source} order by stream_id`;

export const ChangedStreamRow = z.object({ stream_id: int4 });
export type ChangedStreamRow = z.infer<typeof ChangedStreamRow>;

/** No row when the stream has rows under keys of the sort before. */
export const setKeyForm = (sql: Queryable, streamId: number, keyForm: number) =>
  sql<ChangedStreamRow[]>`
    update lmsmon.streams s set key_form = ${keyForm}::smallint
     where s.stream_id = ${streamId} and not exists (select 1 from lmsmon.row_states r where r.stream_id = s.stream_id)
    returning s.stream_id`;

export const dropBuckets = (sql: Queryable, streamId: number) =>
  sql`delete from lmsmon.row_buckets where stream_id = ${streamId}`;

export const setRecipe = (sql: Queryable, streamId: number, recipe: number) =>
  sql`update lmsmon.streams set recipe = ${recipe}::int where stream_id = ${streamId}`;

export const StreamRecipeRow = z.object({ recipe: int4 });
export type StreamRecipeRow = z.infer<typeof StreamRecipeRow>;

/** Locks the stream against a change of its recipe while a batch is recorded under the old one. */
export const streamRecipe = (sql: Queryable, streamId: number) =>
  sql<StreamRecipeRow[]>`select recipe from lmsmon.streams where stream_id = ${streamId} for share`;

export const startFirstContact = (sql: Queryable, streamId: number) =>
  sql`
    update lmsmon.streams set first_contact_started_at = clock_timestamp()
     where stream_id = ${streamId} and first_contact_started_at is null`;

export const completeFirstContact = (sql: Queryable, streamId: number) =>
  sql`
    update lmsmon.streams
       set first_contact_started_at = coalesce(first_contact_started_at, clock_timestamp()),
           first_contact_completed_at = clock_timestamp()
     where stream_id = ${streamId} and first_contact_completed_at is null`;

export const HighestKeyRow = z.object({ highest_row_key: int8.nullable() });
export type HighestKeyRow = z.infer<typeof HighestKeyRow>;

/**
 * The highest key that is known, or up to which the LMS was read; it never falls. `skipped`: full passes to count that needed no
 * reading.
 */
export const raiseHighestKey = (sql: Queryable, streamId: number, skipped: 0 | 1, readTo: string | null) =>
  sql<HighestKeyRow[]>`
    update lmsmon.streams
       set highest_row_key = greatest(highest_row_key,
         (select max(row_key) from lmsmon.row_states where stream_id = ${streamId}), ${readTo}::bigint),
           full_passes = full_passes + ${skipped}::int
     where stream_id = ${streamId}
    returning highest_row_key`;

export const FullPassRow = z.object({ last_full_pass_at: neverNull(timestamptz) });
export type FullPassRow = z.infer<typeof FullPassRow>;

export const stampFullPass = (sql: Queryable, streamId: number) =>
  sql<FullPassRow[]>`
    update lmsmon.streams set last_full_pass_at = clock_timestamp(), full_passes = full_passes + 1
     where stream_id = ${streamId}
    returning last_full_pass_at`;

export const FullPassAgeRow = z.object({ ms_ago: float8.nullable() });
export type FullPassAgeRow = z.infer<typeof FullPassAgeRow>;

/**
 * How long ago the last pass over all streams of a source ended, by the clock that stamped it: another machine's may be hours off.
 * Null when there was none, and when one seems to lie ahead, since that clock was set back: it says nothing then.
 */
export const fullPassAge = (sql: Queryable, source: string) =>
  sql<FullPassAgeRow[]>`
    select case when bool_and(coalesce(last_full_pass_at <= clock_timestamp(), false))
                then (extract(epoch from clock_timestamp() - min(last_full_pass_at)) * 1000)::float8 end as ms_ago
    from lmsmon.streams where source = ${source}`;
