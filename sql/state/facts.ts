/** Small things that the processes of a source remember together, each under a name, as JSON. */
import { z } from "zod";
import { float8, jsonb, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const FactRow = z.object({ value: jsonb });
export type FactRow = z.infer<typeof FactRow>;

export function readFact(sql: Queryable, source: string, name: string) {
  return sql<FactRow[]>`
    select value from lmsmon.facts where source = ${source} and name = ${name}`;
}

export function writeFact(sql: Queryable, source: string, name: string, json: string) {
  return sql`
    insert into lmsmon.facts (source, name, value, updated_at) values (${source}, ${name}, ${json}::text::jsonb, clock_timestamp())
    on conflict (source, name) do update set value = excluded.value, updated_at = excluded.updated_at`;
}

export function dropFact(sql: Queryable, source: string, name: string) {
  return sql`
    delete from lmsmon.facts where source = ${source} and name = ${name}`;
}

export const NamedFactRow = z.object({ name: text, value: jsonb });
export type NamedFactRow = z.infer<typeof NamedFactRow>;

/** Facts whose names begin so. */
export function factsBeginning(sql: Queryable, source: string, beginning: string) {
  return sql<NamedFactRow[]>`
    select name, value from lmsmon.facts where source = ${source} and starts_with(name, ${beginning}) order by name`;
}

export const ClaimedFactRow = z.object({ name: text });
export type ClaimedFactRow = z.infer<typeof ClaimedFactRow>;

/** True for the first process that claims the name. */
export function claimFact(sql: Queryable, source: string, name: string, json: string) {
  return sql<ClaimedFactRow[]>`
    insert into lmsmon.facts (source, name, value, updated_at) values (${source}, ${name}, ${json}::text::jsonb, clock_timestamp())
    on conflict (source, name) do nothing returning name`;
}

export const AgedFactRow = z.object({ name: text, value: jsonb, changed_ms_ago: neverNull(float8) });
export type AgedFactRow = z.infer<typeof AgedFactRow>;

/** The given facts, and for how long they have been as they are, by the database's clock. */
export function readFactsWithAge(sql: Queryable, source: string, names: readonly string[]) {
  return sql<AgedFactRow[]>`
    select name, value, (extract(epoch from clock_timestamp() - updated_at) * 1000)::float8 as changed_ms_ago
      from lmsmon.facts where source = ${source} and name = any(${names as string[]}::text[])`;
}
