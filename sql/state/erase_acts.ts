import { z } from "zod";
import { int8, jsonb, neverNull } from "./columns.ts";
import type { Queryable } from "./queryable.ts";
import { standsIn } from "./stands_in.ts";

// What was written down of acts by hand, in words: a part of an erasure, in its transaction.

/** An act by hand says whom it was about as `--student 7` or `student 7`, whatever else stands around it. */
const wordOf = (sql: Queryable, { role, id }: { readonly role: string; readonly id: string }) =>
  sql`('\\m' || ${role}::text || '([ :])' || ${id}::text || '\\M')`;
const isActOf = (sql: Queryable, of: { readonly role: string; readonly id: string }) =>
  sql`concat_ws(' ', a.command, a.effect, a.reason) ~ ${wordOf(sql, of)}`;
const namesIn = (sql: Queryable, names: readonly string[], column: ReturnType<Queryable>) =>
  sql`exists (select from unnest(${names as string[]}::text[]) as n (name) where ${
    standsIn(sql, column, sql`n.name`)
  })`;

export const ActOfRow = z.object({ act: neverNull(jsonb) });
export type ActOfRow = z.infer<typeof ActOfRow>;

/** What was done by hand about a person. */
export const actsOf = (sql: Queryable, of: { readonly role: string; readonly source: string; readonly id: string }) =>
  sql<ActOfRow[]>`
    select to_jsonb(a) as act from lmsmon.audit a where a.source = ${of.source} and ${
    isActOf(sql, of)
  } order by a.audit_id`;

export const ActsNamingRow = z.object({ acts: neverNull(int8) });
export type ActsNamingRow = z.infer<typeof ActsNamingRow>;

interface NamedPerson {
  readonly role: string;
  readonly source: string;
  readonly id: string;
  readonly names: readonly string[];
}

export const actsNaming = (sql: Queryable, of: NamedPerson) =>
  sql<ActsNamingRow[]>`
    select count(*) as acts from lmsmon.audit a
     where a.source = ${of.source} and (${isActOf(sql, of)} or ${namesIn(sql, of.names, sql`a.reason`)})`;

/** Rows of the audit are only ever added, but for this: whom an act was about becomes the pseudonym, and what names the person goes. */
export const eraseActs = (sql: Queryable, of: NamedPerson & { readonly pseudonym: string }) =>
  sql`
    update lmsmon.audit a
       set command = regexp_replace(a.command, ${
    wordOf(sql, of)
  }, ${of.role}::text || '\\1' || ${of.pseudonym}::text, 'g'),
           effect = regexp_replace(a.effect, ${
    wordOf(sql, of)
  }, ${of.role}::text || '\\1' || ${of.pseudonym}::text, 'g'),
           reason = case when a.reason is null then null else '(erased)' end
     where a.source = ${of.source} and (${isActOf(sql, of)} or ${namesIn(sql, of.names, sql`a.reason`)})`;
export const allowActsToChange = (sql: Queryable) => sql`alter table lmsmon.audit disable trigger audit_append_only`;
export const forbidActsToChange = (sql: Queryable) => sql`alter table lmsmon.audit enable trigger audit_append_only`;

/** Reasons of other pauses that name the person. */
export const erasePauseReasons = (sql: Queryable, source: string, names: readonly string[]) =>
  sql`
    update lmsmon.pauses p set reason = '(erased)'
     where p.source = ${source} and ${namesIn(sql, names, sql`p.reason`)}`;
