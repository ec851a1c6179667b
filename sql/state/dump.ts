import { z } from "zod";
import { bool, int8, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

/** A table of the state; `refers_to`: those that must have their rows first. */
export const StateTableRow = z.object({
  name: neverNull(text),
  columns: neverNull(z.array(text)),
  refers_to: neverNull(z.array(text)),
});
export type StateTableRow = z.infer<typeof StateTableRow>;

/** All that a state is made of, but for what belongs to the place it lies in: who holds a lease, which migrations made it. */
export const stateTables = (sql: Queryable) =>
  sql<StateTableRow[]>`
    select c.relname::text as name,
           array(select a.attname::text from pg_catalog.pg_attribute a
                  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
                  order by a.attnum) as columns,
           array(select distinct f.relname::text from pg_catalog.pg_constraint k
                   join pg_catalog.pg_class f on f.oid = k.confrelid
                  where k.conrelid = c.oid and k.contype = 'f' and k.confrelid <> c.oid order by 1) as refers_to
      from pg_catalog.pg_class c
     where c.relnamespace = 'lmsmon'::regnamespace and c.relkind = 'r' and c.relname not in ('leases', 'migrations')
     order by 1`;

/** A row as JSON text, in which every value keeps all that it is. */
export const DumpedRow = z.object({ row: neverNull(text) });
export type DumpedRow = z.infer<typeof DumpedRow>;

export const dumpRows = (sql: Queryable, table: string, columns: readonly string[]) =>
  sql<DumpedRow[]>`
    select to_json(x)::text as row from (select ${sql([...columns])} from ${sql(`lmsmon.${table}`)}) x`;

/** `rows`: a JSON array of what dumpRows() gave. */
export const restoreRows = (sql: Queryable, table: string, columns: readonly string[], rows: string) =>
  sql`
    insert into ${sql(`lmsmon.${table}`)} (${sql([...columns])}) overriding system value
    select ${sql([...columns])} from json_populate_recordset(null::${sql(`lmsmon.${table}`)}, ${rows}::text::json)`;

/** Triggers fill columns from others, and keep acts as they are: what is restored has all of it already. */
export const stopTriggers = (sql: Queryable, table: string) =>
  sql`alter table ${sql(`lmsmon.${table}`)} disable trigger user`;

export const startTriggers = (sql: Queryable, table: string) =>
  sql`alter table ${sql(`lmsmon.${table}`)} enable trigger user`;

export const emptyTable = (sql: Queryable, table: string) => sql`delete from ${sql(`lmsmon.${table}`)}`;

/** `last_value`: null where nothing was ever taken. */
export const SequenceRow = z.object({ name: neverNull(text), last_value: int8.nullable() });
export type SequenceRow = z.infer<typeof SequenceRow>;

export const stateSequences = (sql: Queryable) =>
  sql<SequenceRow[]>`
    select sequencename::text as name, last_value from pg_catalog.pg_sequences where schemaname = 'lmsmon' order by 1`;

export const SetSequenceRow = z.object({ setval: int8.nullable() });
export type SetSequenceRow = z.infer<typeof SetSequenceRow>;

export const setSequence = (sql: Queryable, name: string, value: string) =>
  sql<SetSequenceRow[]>`select setval(${`lmsmon.${name}`}::text::regclass, ${value}::bigint)`;

export const UsedRow = z.object({ is_used: neverNull(bool), is_watched: neverNull(bool) });
export type UsedRow = z.infer<typeof UsedRow>;

/** Whether anything of an LMS is stored, and whether somebody polls into it. */
export const stateUse = (sql: Queryable) =>
  sql<UsedRow[]>`
    select exists (select from lmsmon.streams) or exists (select from lmsmon.lms_activity_events)
           or exists (select from lmsmon.people) or exists (select from lmsmon.tombstones) as is_used,
           exists (select from lmsmon.leases where expires_at > clock_timestamp()) as is_watched`;
