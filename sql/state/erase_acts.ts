import { z } from "zod";
import { int8, jsonb, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

// What was written down of acts by hand, in words: a part of an erasure, in its transaction.

/** An act by hand says whom it was about as `--student 7` or `student 7`, whatever else stands around it. */
const wordOf = (sql: Queryable, { role, id }: { readonly role: string; readonly id: string }) =>
  sql`('\\m' || ${role}::text || '([ :])' || ${id}::text || '\\M')`;
const isActOf = (sql: Queryable, of: { readonly role: string; readonly id: string }) =>
  sql`concat_ws(' ', a.command, a.effect, a.reason) ~ ${wordOf(sql, of)}`;
/** Before the words of whoever dropped a held poll, in the poll and in its deliveries. */
const DROPPED = "dropped: ";

export const GivenReasonRow = z.object({ reason: neverNull(text) });
export type GivenReasonRow = z.infer<typeof GivenReasonRow>;

/** Everything that people at the keyboard gave as a reason. */
export const givenReasons = (sql: Queryable, source: string) =>
  sql<GivenReasonRow[]>`
    select reason from lmsmon.audit where source = ${source} and reason is not null
    union select reason from lmsmon.pauses where source = ${source}
    union select substr(delivery_reason, length(${DROPPED}::text) + 1) from lmsmon.poll_runs
           where source = ${source} and delivery_reason like ${DROPPED}::text || '%'`;

export const ActsNamingRow = z.object({ acts: neverNull(int8) });
export type ActsNamingRow = z.infer<typeof ActsNamingRow>;

interface NamedPerson {
  readonly role: string;
  readonly source: string;
  readonly id: string;
  /** Reasons that name the person. */
  readonly reasons: readonly string[];
}

export const ActOfRow = z.object({ act: neverNull(jsonb) });
export type ActOfRow = z.infer<typeof ActOfRow>;

/** What was done by hand about a person, or for a reason that names the person. */
export const actsOf = (sql: Queryable, of: NamedPerson) =>
  sql<ActOfRow[]>`
    select to_jsonb(a) as act from lmsmon.audit a
     where a.source = ${of.source} and (${isActOf(sql, of)} or a.reason = any(${of.reasons as string[]}::text[]))
     order by a.audit_id`;

export const actsNaming = (sql: Queryable, of: NamedPerson) =>
  sql<ActsNamingRow[]>`
    select count(*) as acts from lmsmon.audit a
     where a.source = ${of.source} and (${isActOf(sql, of)} or a.reason = any(${of.reasons as string[]}::text[]))`;

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
     where a.source = ${of.source} and (${isActOf(sql, of)} or a.reason = any(${of.reasons as string[]}::text[]))`;
export const allowActsToChange = (sql: Queryable) => sql`alter table lmsmon.audit disable trigger audit_append_only`;
export const forbidActsToChange = (sql: Queryable) => sql`alter table lmsmon.audit enable trigger audit_append_only`;

export const erasePauseReasons = (sql: Queryable, source: string, reasons: readonly string[]) =>
  sql`
    update lmsmon.pauses set reason = '(erased)' where source = ${source} and reason = any(${reasons as string[]}::text[])`;

/** Why the messages of a poll were dropped stands with the poll and with each delivery. */
export const eraseDropReasons = (sql: Queryable, source: string, reasons: readonly string[]) =>
  sql`
    with p as (
      update lmsmon.poll_runs set delivery_reason = ${DROPPED}::text || '(erased)'
       where source = ${source} and delivery_reason like ${DROPPED}::text || '%'
         and substr(delivery_reason, length(${DROPPED}::text) + 1) = any(${reasons as string[]}::text[])
      returning poll_id)
    update lmsmon.lms_event_logs l set reason = ${DROPPED}::text || '(erased)'
      from p where l.poll_id = p.poll_id and l.reason like ${DROPPED}::text || '%'`;
