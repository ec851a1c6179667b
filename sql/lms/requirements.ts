import { drivers, type IdSort, keyColumns, newestOf, type Preset, type Relation, type TablePreset } from "./preset.ts";

/** One table of a preset and every column read from it. */
export interface Requirement {
  readonly table: string;
  readonly columns: readonly string[];
  /** Columns that must be integers, since pages and buckets go by them. */
  readonly integerKeys: readonly string[];
  /** Columns that are compared with ids, which are whole numbers. */
  readonly comparedIds: readonly string[];
  readonly optional: boolean;
}

/** Everything a preset reads by name, each table once, so that a check can name all that is missing at once. */
export function requirements(preset: Preset): Requirement[] {
  const found = new Map<string, { columns: Set<string>; keys: Set<string>; ids: Set<string>; optional: boolean }>();
  const need = (
    table: string,
    columns: readonly string[],
    keys: readonly string[] = [],
    optional = false,
    ids: readonly string[] = [],
  ) => {
    const entry = found.get(table) ?? { columns: new Set(), keys: new Set(), ids: new Set(), optional };
    for (const id of ids) entry.ids.add(id);
    for (const column of [...keys, ...columns]) entry.columns.add(column);
    for (const key of keys) entry.keys.add(key);
    entry.optional &&= optional;
    found.set(table, entry);
  };
  /** Queries are described instead. */
  const needOf = (
    from: Relation | null,
    columns: () => readonly string[],
    keys: readonly string[] = [],
    ids: readonly string[] = [],
  ) => {
    if (from !== null && "table" in from) need(from.table, columns(), keys, false, ids);
  };
  const idsOf = (sort: IdSort | "media", column: string) =>
    sort !== "media" && preset.ids?.[sort] === "text" ? [] : [column];
  const needTable = (t: TablePreset<never, string> | null, sort: IdSort | "media", optional = false) => {
    if (t !== null && "table" in t) need(t.table, [t.key, ...named(t.columns)], [], optional, idsOf(sort, t.key));
  };
  for (const name of ["exam", "assignment", "content"] as const) {
    const kind = preset.kinds[name];
    if (kind === null) continue;
    const refs = [...Object.values(kind.columns), ...kind.hashed];
    const integers = (kind.keyType ?? "integer") === "integer" ? keyColumns(kind.key) : [];
    needOf(kind, () => [...keyColumns(kind.key), ...refs.filter((r) => !r.startsWith("side."))], integers);
    if (kind.side !== null) {
      const { side } = kind;
      needOf(kind, () => [side.on]);
      need(side.table, [
        side.key,
        ...refs.filter((r) => r.startsWith("side.")).map((r) => r.slice("side.".length)),
      ]);
    }
    for (const { table, key } of drivers(kind)) {
      need(table, keyColumns(key), integers.length > 0 ? keyColumns(key) : []);
    }
    const newest = newestOf(kind);
    if (newest !== null) need(newest.table, [...keyColumns(newest.key), newest.column]);
    if (kind.log !== undefined) need(kind.log.table, [kind.log.key, kind.log.time]);
    needTable(kind.activity?.self ?? null, name);
    needTable(kind.activity?.media ?? null, "media");
    needTable(kind.activity?.placement ?? null, name);
    needTable(kind.activity?.chapterOfContent ?? null, "content", true);
  }
  needTable(preset.courses, "course");
  needTable(preset.chapters, "chapter");
  for (const [role, people] of [["student", preset.people.student], ["mentor", preset.people.mentor]] as const) {
    const columns = () => [people.key, ...named(people.columns), ...(people.active === null ? [] : [people.active])];
    needOf(people, columns, preset.ids?.[role] === "text" ? [] : [people.key]);
  }
  const { links, batches } = preset;
  needOf(links, () => [links.mentor, links.student], [], idsOf("student", links.student));
  if (batches !== null) {
    needOf(batches, () => [batches.batch, batches.student], [], idsOf("student", batches.student));
  }
  for (const dated of preset.context?.activities ?? []) {
    if ("table" in dated) need(dated.table, [], [], true);
  }
  return [...found].map(([table, { columns, keys, ids, optional }]) => ({
    table,
    columns: [...columns],
    integerKeys: [...keys],
    comparedIds: [...ids],
    optional,
  }));
}

const named = (columns: Readonly<Record<string, string | undefined>>) =>
  Object.values(columns).filter((name) => name !== undefined);
