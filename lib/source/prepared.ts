import { ID_SORTS, kindOf, type Preset, type PresetMaker } from "../../sql/lms/preset.ts";
import { type LmsQueries, lmsQueries } from "../../sql/lms/queries.ts";
import type { AttemptRow, BadRow } from "../model/attempt.ts";
import type { LmsId } from "../model/event.ts";
import { type Kind, KINDS } from "../model/event_types.ts";
import { takeTurns, turnIsOver } from "../drivers/deno/take_turns.ts";
import { type ActivityOptions, type KnownActivities, readActivities } from "./activities.ts";
import { describePreset } from "./described_preset.ts";
import { ascending } from "./id_lists.ts";
import type { CellRow, LmsDriver, LmsSession } from "./lms_driver.ts";
import type { KeySort } from "./lms_keys.ts";
import type { RowPage } from "./lms_source.ts";
import { keyFormOf } from "./query_access.ts";
import { xorOf } from "./query_keys.ts";
import type { ReaderParts } from "./cell_readers.ts";
import { complete, isBad, type ReadRow, type RowReader, rowReader } from "./row_reader.ts";
import { type Catalog, readCatalog, readTables } from "./schema_check.ts";

/** What is known once the tables have been looked at: on MySQL a query depends on the types of its time columns. */
export interface Prepared {
  /** As the tables and queries are: with what optional parts there are. */
  readonly preset: Preset;
  readonly catalog: Catalog;
  readonly queries: LmsQueries;
  /** For a session in which texts come as bytes. */
  readonly raw: LmsQueries;
  readonly readers: Partial<Readonly<Record<Kind, RowReader>>>;
}

/** What rows are made with. */
export type RowParts = ReaderParts & Omit<ActivityOptions, "chapterOfContent">;

/** What rows are read with. Throws LmsError. */
export async function prepare(
  session: LmsSession,
  driver: LmsDriver,
  maker: PresetMaker,
  { times, keys }: RowParts,
): Promise<Prepared> {
  const wanted = maker.build === null ? maker.base : maker.build(await readTables(session, driver));
  const { preset, types } = await describePreset(session, wanted, driver.dialect);
  const catalog = await readCatalog(session, preset, driver, types);
  const queriesOf = (raw: boolean) => lmsQueries(preset, driver.dialect, catalog.types, raw, catalog.nullable);
  const readers = Object.fromEntries(KINDS.flatMap((kind) => {
    const of = preset.kinds[kind];
    return of === null ? [] : [[kind, rowReader(kind, of, { times, keys })]];
  }));
  return { preset, catalog, queries: queriesOf(false), raw: queriesOf(true), readers };
}

/** Whether the tables have other columns, or columns of other types, than they had when they were looked at. */
export async function catalogChanged(driver: LmsDriver, { preset, catalog }: Prepared): Promise<boolean> {
  const now = await driver.read((session) => readCatalog(session, preset, driver));
  return now.columns !== catalog.columns;
}

/** Rows of cells, with what they are about. */
export async function rowsOf(
  session: LmsSession,
  { preset, catalog, queries, readers }: Prepared,
  kind: Kind,
  cellRows: readonly CellRow[],
  parts: RowParts,
  known: KnownActivities = new Map(),
): Promise<RowPage> {
  const read = readers[kind];
  if (read === undefined) throw new TypeError(`Cannot read ${kind} rows: the preset has none`);
  const of = kindOf(preset, kind);
  const good: ReadRow[] = [], bad: BadRow[] = [];
  for (const [i, cells] of cellRows.entries()) {
    if (turnIsOver(i)) await takeTurns();
    const row = read(cells);
    if (isBad(row)) {
      bad.push(row);
      continue;
    }
    good.push(row);
    if (row.unreadable) parts.faults.noteText("table" in of ? of.table : kind, cells[0] ?? "");
  }
  // Look-ups by ids that stand for texts need to know which, also of rows just read.
  await parts.keys.keep();
  const chapterTable = of.activity?.chapterOfContent ?? null;
  const activities = await readActivities(session, queries, preset, kind, good, {
    examDurationUnit: parts.examDurationUnit,
    faults: parts.faults,
    keys: parts.keys,
    chapterOfContent: chapterTable !== null &&
      ("from" in chapterTable ||
        catalog.has(chapterTable.table, [chapterTable.key, ...Object.values(chapterTable.columns)])),
  }, known);
  const rows = ascending(good.map((row, i) => complete(row, activities[i] ?? null)));
  ascending(bad);
  return "table" in of ? withoutRepeated(of.table, rows, bad) : { rows, bad };
}

/** Nobody can say which of two rows of one key is meant. A table (or view) without a unique key may have such. */
function withoutRepeated(table: string, rows: AttemptRow[], bad: BadRow[]): RowPage {
  const isNext = (row: { id: LmsId }, i: number, all: readonly { id: LmsId }[]) => i > 0 && all[i - 1]?.id === row.id;
  const badIds = new Set(bad.map(({ id }) => id));
  if (!rows.some((row, i, all) => isNext(row, i, all) || badIds.has(row.id)) && !bad.some(isNext)) return { rows, bad };
  const byId = Map.groupBy([...rows, ...bad], ({ id }) => id);
  const repeated = [...byId.values()].flatMap((same): BadRow[] => {
    const [first] = same;
    if (first === undefined || same.length === 1) return [];
    const hash = xorOf(same.map(({ hash }) => hash));
    return [{ kind: first.kind, id: first.id, hash, reason: `${table}: several rows have this key` }];
  });
  const isSingle = ({ id }: { id: LmsId }) => byId.get(id)?.length === 1;
  return { rows: rows.filter(isSingle), bad: ascending([...bad.filter(isSingle), ...repeated]) };
}

/** What of a preset's keys are texts. */
export function textSorts(preset: Preset): KeySort[] {
  return [
    ...ID_SORTS.filter((sort) => preset.ids?.[sort] === "text"),
    ...KINDS.flatMap((kind): KeySort[] => {
      const of = preset.kinds[kind];
      return of !== null && keyFormOf(of) === "text" ? [`${kind}_row`] : [];
    }),
  ];
}

/** The same for a session in which texts come as bytes. */
export function fitting({ raw }: LmsSession, prepared: Prepared): Prepared {
  return raw ? { ...prepared, queries: prepared.raw } : prepared;
}
