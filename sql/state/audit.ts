import { z } from "zod";
import type { EpochMicros } from "../../lib/model/time.ts";
import { int8, text, timestamptz } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export interface NewAct {
  readonly source: string;
  readonly who: string;
  readonly host: string;
  readonly command: string;
  readonly reason: string | null;
  readonly effect: string;
}

/** Rows of this table are only ever added: a trigger holds it. */
export function insertAct(sql: Queryable, act: NewAct) {
  return sql`
    insert into lmsmon.audit (source, who, host, command, reason, effect)
    values (${act.source}, ${act.who}, ${act.host}, ${act.command}, ${act.reason}, ${act.effect})`;
}

export const ActRow = z.object({
  audit_id: int8,
  at: timestamptz,
  source: text,
  who: text,
  host: text,
  command: text,
  reason: text.nullable(),
  effect: text,
});
export type ActRow = z.infer<typeof ActRow>;

/** The newest acts first; `source`: only those on it. */
export function readActs(sql: Queryable, source: string | null, since: EpochMicros | null, limit: number) {
  return sql<ActRow[]>`
    select audit_id, at, source, who, host, command, reason, effect from lmsmon.audit
     where (${source}::text is null or source = ${source}::text)
       and (${since}::timestamptz is null or at >= ${since}::timestamptz)
     order by audit_id desc limit ${limit}::int`;
}
