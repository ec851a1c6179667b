import { drivers, keyColumns, newestOf, type Preset } from "../../sql/lms/preset.ts";
import type { MappingText } from "../config/config.ts";
import { KINDS } from "../model/event_types.ts";
import type { LmsDriver } from "./lms_driver.ts";

/** Tables that a mapping names beside its queries, and columns of them, that are not there. */
export async function tableProblems(driver: LmsDriver, preset: Preset, written: MappingText | null): Promise<string[]> {
  const problems: string[] = [];
  for (const name of KINDS) {
    const kind = preset.kinds[name];
    if (kind === null) continue;
    const newest = newestOf(kind);
    const named = [
      ...drivers(kind).map(({ table, key }) => ({ part: "rows", table, columns: keyColumns(key) })),
      ...(newest === null ? [] : [{ part: "newest", table: newest.table, columns: [newest.column] }]),
      ...(kind.log === undefined
        ? []
        : [{ part: "log", table: kind.log.table, columns: [kind.log.key, kind.log.time] }]),
    ];
    for (const { part, table, columns } of named) {
      const there = await driver.read((session) => session.rows(driver.dialect.catalog([table])));
      const fold = (text: string) => driver.dialect.name === "mysql" ? text.toLowerCase() : text;
      const missing = columns.filter((column) => !there.some(([, found]) => fold(found ?? "") === fold(column)));
      const at = written?.locate(["kinds", name, part]) ?? null;
      const place = `${written?.label ?? "mapping"}${at === null ? "" : `:${at.line}:${at.column}`}: ${name}, ${part}`;
      if (there.length === 0) problems.push(`${place}: there is no table ${table}${placeOfTables(table, driver)}`);
      else if (missing.length > 0) problems.push(`${place}: table ${table} has no column ${missing.join(", ")}`);
    }
  }
  return problems;
}

/** A name is one table's, whatever dots are in it: where tables are is said in the address. */
function placeOfTables(table: string, { dialect }: LmsDriver): string {
  const [, place, name] = /^([^.]+)\.(.+)$/.exec(table) ?? [];
  if (dialect.name === "mysql") {
    // Names of what a role may not read are not shown to it.
    return place === undefined
      ? ", or this role may read nothing of it"
      : " in the database of lms.url, where all of them must be";
  }
  return place === undefined
    ? " in the schemas that are looked through (`?schema=` of lms.url)"
    : `: say \`?schema=${place}\` in lms.url, and ${name} here`;
}
