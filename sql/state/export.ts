import { z } from "zod";
import { int4, int8, neverNull, text } from "./columns.ts";
import { bigint, eventConditions, type EventFilter, literal, type TextRunner } from "./event_filter.ts";
import type { Queryable } from "./queryable.ts";

export interface ExportQuery {
  readonly filter: EventFilter;
  /** Only event ids above it; `null`: from the first. */
  readonly after: string | null;
  /** Only event ids up to it; `null`: to the last. */
  readonly upTo: string | null;
  readonly limit: number | null;
  readonly identified: boolean;
  readonly schema: 1 | 2;
  /** Of each attempt only its last event, as of `upTo` and `filter.until`. */
  readonly latest: boolean;
  /** The line with what the id of an xAPI statement is made of. */
  readonly xapi: boolean;
}

/** The last event of each attempt, before types and times are asked for: a corrected result must not show as it was. */
function latestEvents({ filter, upTo }: ExportQuery): string {
  const known = { ...filter, since: null, types: null, unprocessed: false };
  return `select max(event_id) as event_id from lmsmon.lms_activity_events where ${
    upTo === null ? "true" : `event_id <= ${bigint(upTo)}`
  }${eventConditions(known, "created_at")} group by source, kind, attempt_id, incarnation`;
}

function selection(query: ExportQuery, columns: (line: string) => string, only?: readonly string[]): string {
  const { filter, after, upTo, limit, identified, schema, latest, xapi } = query;
  const line = identified ? "identified_line" : "line";
  const wrapped = `concat('{"event_id":', lmsmon.export_id(event_id), ',"attempt":"', attempt_pseudonym,` +
    ` '","incarnation":', incarnation, ',"line":', ${line}, '}')`;
  return `select ${columns(xapi ? wrapped : line)} from lmsmon.export_v${schema} where ` +
    (after === null ? "true" : `event_id > ${bigint(after)}`) +
    (upTo === null ? "" : ` and event_id <= ${bigint(upTo)}`) +
    (only !== undefined ? ` and event_id = any (array[${only.map(bigint).join(", ")}]::bigint[])` : "") +
    (latest && only === undefined ? ` and event_id in (${latestEvents(query)})` : "") +
    `${eventConditions(filter, "detected_at")} order by event_id${limit === null ? "" : ` limit ${Math.trunc(limit)}`}`;
}

/** Between the event id and the line of a row that {@link copyLines} sends: a byte that JSON text never holds. */
export const CURSOR_END = 0x02;

/**
 * COPY of whole lines with their line ends, each behind its event id and {@link CURSOR_END}. CSV with a quote and a delimiter
 * that JSON always escapes: nothing is ever quoted, so what arrives are the lines as they are (text format would double
 * every backslash).
 */
export const copyLines = (sql: TextRunner, query: ExportQuery) =>
  sql.unsafe(
    `copy (${
      selection(query, (line) => `event_id, ${line}`)
    }) to stdout with (format csv, quote e'\\x01', delimiter e'\\x02')`,
  );

export const PageLineRow = z.object({ event_id: neverNull(int8), line: neverNull(text) });
export type PageLineRow = z.infer<typeof PageLineRow>;

/** `only`: nothing but these events, which are the last ones of their attempts. */
export const pageLines = (
  sql: TextRunner,
  query: ExportQuery & { readonly limit: number },
  only?: readonly string[],
) => sql.unsafe<PageLineRow[]>(selection(query, (line) => `event_id, ${line} as line`, only));

/** Decimal ids with commas between them, ascending. */
export const LatestIdsRow = z.object({ ids: text.nullable() });
export type LatestIdsRow = z.infer<typeof LatestIdsRow>;

/** Ids of the last events of all attempts, in one text: eight bytes each, where asking page by page would group all each time. */
export const latestIds = (sql: TextRunner, query: ExportQuery) =>
  sql.unsafe<LatestIdsRow[]>(
    `select string_agg(event_id::text, ',' order by event_id) as ids from (${latestEvents(query)}) as latest` +
      ` where ${query.after === null ? "true" : `event_id > ${bigint(query.after)}`}` +
      (query.upTo === null ? "" : ` and event_id <= ${bigint(query.upTo)}`),
  );

export const MarkedRow = z.object({ marked: neverNull(int4), last: text.nullable() });
export type MarkedRow = z.infer<typeof MarkedRow>;

/**
 * Marks exported events with after < event_id <= upTo, at most `limit`, in ascending order; `last` is the highest event_id
 * marked, `null` when none was left.
 */
export const markExported = (
  sql: TextRunner,
  range: { readonly filter: EventFilter; readonly after: string; readonly upTo: string; readonly limit: number },
) =>
  sql.unsafe<MarkedRow[]>(
    `with page as materialized (` +
      `select event_id from lmsmon.lms_activity_events where event_id > ${bigint(range.after)}` +
      ` and event_id <= ${bigint(range.upTo)} and not processed_for_ai${eventConditions(range.filter, "created_at")}` +
      ` order by event_id limit ${Math.trunc(range.limit)}),` +
      ` done as (update lmsmon.lms_activity_events e set processed_for_ai = true from page` +
      ` where e.event_id = page.event_id)` +
      ` select count(*)::int as marked, max(event_id)::text as last from page`,
  );

export const ErasureLineRow = z.object({ event_id: int8, line: neverNull(text) });
export type ErasureLineRow = z.infer<typeof ErasureLineRow>;

/** Erasures of the same range of ids and time, whatever types are asked for: whoever has a person's lines must hear of it. */
export const erasureLines = (sql: TextRunner, { filter, after, upTo }: ExportQuery, pseudonyms: readonly string[]) =>
  sql.unsafe<ErasureLineRow[]>(
    `select event_id, concat('{"schema":2,"kind":"erasure","event_id":', lmsmon.export_id(event_id),` +
      ` ',"erased_at":', lmsmon.export_time(erased_at), ',"source":', to_json(source), ',"role":"', role,` +
      ` '","pseudonym":"', pseudonym, '","reason_code":', to_json(reason_code), '}') as line from lmsmon.tombstones` +
      ` where ${after === null ? "true" : `event_id > ${bigint(after)}`}` +
      (upTo === null ? "" : ` and event_id <= ${bigint(upTo)}`) +
      (filter.since === null ? "" : ` and erased_at >= ${literal(filter.since)}::timestamptz`) +
      (filter.until === null ? "" : ` and erased_at < ${literal(filter.until)}::timestamptz`) +
      (filter.students === null ? "" : ` and pseudonym = any (array[${pseudonyms.map(literal).join(", ")}]::text[])`) +
      (filter.source === null ? "" : ` and source = ${literal(filter.source)}`) +
      (filter.unprocessed ? " and not processed_for_ai" : "") + " order by event_id",
  );

export const markErasures = (sql: Queryable, eventIds: readonly string[]) =>
  sql`
    update lmsmon.tombstones set processed_for_ai = true
     where event_id = any(${eventIds as string[]}::bigint[]) and not processed_for_ai`;

export const NewestLineRow = z.object({ newest: neverNull(int8) });
export type NewestLineRow = z.infer<typeof NewestLineRow>;

/** The highest id of what is stored now. Ids are in commit order, so nothing below it is still to come. */
export const newestLine = (sql: Queryable) =>
  sql<NewestLineRow[]>`
    select greatest((select max(event_id) from lmsmon.lms_activity_events),
                    (select max(event_id) from lmsmon.tombstones), 0) as newest`;

export const SchemaNoticeRow = z.object({ name: text });
export type SchemaNoticeRow = z.infer<typeof SchemaNoticeRow>;

/** A row once, in a state that held events when the default schema changed. */
export const takeSchemaNotice = (sql: Queryable) =>
  sql<SchemaNoticeRow[]>`
    delete from lmsmon.facts where source = '' and name = 'export_schema_changed' returning name`;
