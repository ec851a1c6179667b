import type { Dialect } from "../../sql/lms/dialects/dialect.ts";
import { type Preset } from "../../sql/lms/preset.ts";
import { requirements } from "../../sql/lms/requirements.ts";
import { catalogQuery, type ColumnTypes, type LmsQueries, type NullableColumns } from "../../sql/lms/queries.ts";
import { LmsError } from "../base/errors.ts";
import type { LmsDriver, LmsSession } from "./lms_driver.ts";
import { grantHint, type LmsTarget } from "./lms_errors.ts";

/** What the LMS database has of the tables a preset names. */
export interface Catalog {
  /** All columns of the tables, with their types: equal where nothing was altered. */
  readonly columns: string;
  readonly types: ColumnTypes;
  readonly nullable: NullableColumns;
  readonly has: (table: string, columns: readonly string[]) => boolean;
  readonly tables: ReadonlySet<string>;
  /** Some of the preset's queries could be described, so what they read is there. */
  readonly described: boolean;
  readonly readable: (table: string, column: string) => boolean;
}

/** Whether there is a table (or view) of a name, and perhaps a column in it. */
export async function readTables(
  session: LmsSession,
  driver: LmsDriver,
): Promise<(table: string, column?: string) => boolean> {
  const { dialect } = driver;
  const fold = dialect.name === "mysql" ? (name: string) => name.toLowerCase() : (name: string) => name;
  const names = (await session.rows(dialect.tables)).flatMap(([name]) => name ?? []);
  // What may not be read is not there: a query that names it would fail as a whole.
  const readable = (names.length === 0 ? [] : await session.rows(dialect.catalog(names)))
    .flatMap(([table, column, , may]) => may === "1" ? [[fold(table ?? ""), fold(column ?? "")] as const] : []);
  const tables = new Set(readable.map(([table]) => table));
  const columns = new Set(readable.map(([table, column]) => `${table}.${column}`));
  return (table, column) =>
    column === undefined ? tables.has(fold(table)) : columns.has(`${fold(table)}.${fold(column)}`);
}

/** `outputs`: types of the columns of queries, by what they are of. */
export async function readCatalog(
  session: LmsSession,
  preset: Preset,
  driver: LmsDriver,
  outputs: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map(),
): Promise<Catalog> {
  // MySQL compares column names without case, and may keep table names in lower case.
  const fold = driver.dialect.name === "mysql" ? (name: string) => name.toLowerCase() : (name: string) => name;
  const columns = new Map<string, { type: string; readable: boolean; nullable: boolean }>();
  const tables = new Set<string>();
  const hasTables = requirements(preset).length > 0;
  for (
    const [table, column, type, readable, nullable] of hasTables
      ? await session.rows(catalogQuery(preset, driver.dialect))
      : []
  ) {
    if (table === null || table === undefined || column === null || column === undefined) continue;
    tables.add(fold(table));
    columns.set(`${fold(table)}.${fold(column)}`, {
      type: (type ?? "").toLowerCase(),
      readable: readable === "1",
      nullable: nullable === "1",
    });
  }
  const find = (table: string, column: string) => columns.get(`${fold(table)}.${fold(column)}`);
  return {
    columns: JSON.stringify([...columns].sort(([a], [b]) => a < b ? -1 : 1)),
    types: (table, column) => outputs.get(table)?.get(fold(column)) ?? find(table, column)?.type,
    nullable: (table, column) => find(table, column)?.nullable ?? false,
    has: (table, names) => names.every((name) => find(table, name)?.readable === true),
    tables: new Set(requirements(preset).map((r) => r.table).filter((t) => tables.has(fold(t)))),
    readable: (table, column) => find(table, column)?.readable === true,
    described: outputs.size > 0,
  };
}

/** Throws LmsError when the server is too old for the queries. */
export function checkVersion(dialect: Dialect, version: string, target: LmsTarget): void {
  const major = Number.parseInt(version, 10);
  if (dialect.oldest === null || !(major < dialect.oldest)) return;
  throw new LmsError("schema", `Cannot read the LMS database at ${target.label}: it is ${dialect.name} ${version}`, {
    hint: `${dialect.oldest} or newer is needed`,
  });
}

/** Throws one LmsError that names every table and column that is missing or may not be read. */
export async function checkSchema(
  driver: LmsDriver,
  preset: Preset,
  catalog: Catalog,
  queries: LmsQueries,
  target: LmsTarget,
): Promise<void> {
  const missing: string[] = [], denied: string[] = [], wrong: string[] = [], incomparable: string[] = [];
  for (const { table, columns, integerKeys, comparedIds, optional } of requirements(preset)) {
    const typed = (column: string, fits: (type: string) => boolean) => {
      const type = catalog.types(table, column);
      return type === undefined || fits(type) ? [] : [`${table}.${column} (${type})`];
    };
    if (optional) continue;
    if (!catalog.tables.has(table)) {
      // MySQL's catalog hides what the role may not read; only an attempt tells the difference.
      (await isDenied(driver, queries.probe(table)) ? denied : missing).push(table);
      continue;
    }
    const absent = columns.filter((column) => catalog.types(table, column) === undefined);
    missing.push(...absent.map((column) => `${table}.${column}`));
    const unreadable = columns.filter((c) => !absent.includes(c) && !catalog.readable(table, c));
    if (unreadable.length > 0) denied.push(table);
    wrong.push(...integerKeys.flatMap((key) => typed(key, (type) => driver.dialect.isInteger(type))));
    incomparable.push(
      ...comparedIds.filter((column) => !integerKeys.includes(column))
        .flatMap((column) => typed(column, (type) => driver.dialect.comparesWithIds(type))),
    );
  }
  const problems = [
    ...(denied.length === 0 ? [] : [
      `Cannot read table${denied.length > 1 ? "s" : ""} ${denied.map((t) => `"${t}"`).join(", ")}: permission denied`,
    ]),
    ...(missing.length === 0 ? [] : [`Cannot find in the LMS database: ${missing.join(", ")}`]),
    ...(wrong.length === 0 ? [] : [`Cannot page by ${wrong.join(", ")}: keys must be whole numbers`]),
    ...(incomparable.length === 0
      ? []
      : [`Cannot look up by ${incomparable.join(", ")}: ids of preset "${preset.name}" are whole numbers`]),
  ];
  if (problems.length === 0) return;
  throw new LmsError("schema", problems.join("; "), {
    hint: denied.length > 0
      ? grantHint(target, denied)
      : missing.length === 0
      ? "Columns that hold keys have other types in this LMS: give them types of whole numbers, or read them by a mapping of " +
        "your own, where keys and ids may be texts (`lmsmon preset show`, docs/presets.md: key_type, ids)"
      : `The tables do not look like preset "${preset.name}" says; check lms.url (database, ?schema=) and lms.preset, ` +
        `and that "${target.user}" may use the schema`,
  });
}

async function isDenied(driver: LmsDriver, probe: string): Promise<boolean> {
  try {
    await driver.read((session) => session.rows(probe));
    return false;
  } catch (error) {
    if (error instanceof LmsError && error.reason === "schema") return /permission denied/.test(error.message);
    throw error;
  }
}
