import { z } from "zod";
import { jsonb, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const SourceRow = z.object({ identity: jsonb.nullable(), address: jsonb.nullable() });
export type SourceRow = z.infer<typeof SourceRow>;

export const readSource = (sql: Queryable, source: string) =>
  sql<SourceRow[]>`select identity, address from lmsmon.sources where source = ${source}`;

export const SourceNameRow = z.object({ source: text });
export type SourceNameRow = z.infer<typeof SourceNameRow>;

/** Every LMS that was ever polled into this state. */
export const sourceNames = (sql: Queryable) => sql<SourceNameRow[]>`select source from lmsmon.sources order by source`;

/** What is written as JSON text; a notice that was not told yet is kept when there is no new one. */
export interface SourceTexts {
  readonly identity: string;
  readonly address: string;
  readonly notice: string | null;
}

export const writeSource = (sql: Queryable, source: string, { identity, address, notice }: SourceTexts) =>
  sql`
    insert into lmsmon.sources as s (source, identity, address, notice, accepted_at)
    values (${source}, ${identity}::text::jsonb, ${address}::text::jsonb, ${notice}::text::jsonb, clock_timestamp())
    on conflict (source) do update
       set identity = excluded.identity, address = excluded.address, notice = coalesce(excluded.notice, s.notice),
           accepted_at = excluded.accepted_at`;

export const SourceNoticeRow = z.object({ notice: jsonb.nullable() });
export type SourceNoticeRow = z.infer<typeof SourceNoticeRow>;

export const readSourceNotice = (sql: Queryable, source: string) =>
  sql<SourceNoticeRow[]>`select notice from lmsmon.sources where source = ${source} and notice is not null`;

/** The notice of this key was told; another one may have come meanwhile. */
export const clearSourceNotice = (sql: Queryable, source: string, key: string) =>
  sql`update lmsmon.sources set notice = null where source = ${source} and notice ->> 'key' = ${key}`;
