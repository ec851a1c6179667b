import { type Dialect, HIGHEST_ID, LOWEST_ID, type SideParts } from "./dialects/dialect.ts";
import {
  CANONICAL_COLUMNS,
  type CanonicalColumn,
  type ColumnRef,
  type KindPreset,
  LONGEST_TEXT,
  type PeoplePreset,
  type Preset,
  requirements,
  type TablePreset,
  TEXT_COLUMNS,
  TIME_COLUMNS,
} from "./preset.ts";

/** Types of columns by table and column; see `Dialect.catalog`. */
export type ColumnTypes = (table: string, column: string) => string | undefined;

/** The canonical columns a kind has, in the order in which its page query selects them after id and hash. */
export function canonicalColumns(kind: KindPreset): CanonicalColumn[] {
  return CANONICAL_COLUMNS.filter((name) => kind.columns[name] !== undefined);
}

/** An id that may stand in a query as it is. Throws RangeError for anything but a whole 64-bit decimal number. */
export function integer(id: string | number): string {
  const text = String(id);
  if (!/^-?\d{1,19}$/.test(text) || (text.length > 18 && BigInt.asIntN(64, BigInt(text)) !== BigInt(text))) {
    throw new RangeError(`Cannot use "${text}" as an LMS id: not a whole number`);
  }
  return text;
}

/**
 * The queries of one preset in one dialect. Ids must have gone through `integer`. `raw`: for a session in which texts may hold
 * bytes that are no letters.
 */
export function lmsQueries(preset: Preset, dialect: Dialect, types: ColumnTypes, raw = false) {
  const q = dialect.quote;
  const ref = (column: ColumnRef) =>
    column.startsWith("side.") ? `side.${q(column.slice("side.".length))}` : `t.${q(column)}`;
  const short = (expression: string) =>
    raw ? dialect.shortBytes(expression, LONGEST_TEXT) : dialect.shortText(expression, LONGEST_TEXT);
  const typeOf = (kind: KindPreset, column: ColumnRef) =>
    column.startsWith("side.") && kind.side !== null
      ? types(kind.side.table, column.slice("side.".length))
      : types(kind.table, column);
  const hash = (name: "exam" | "content", kind: KindPreset) =>
    dialect.hash([`${name}:`], [ref(kind.key), ...kind.hashed.map(ref)]);
  const side = (kind: KindPreset, columns: readonly ColumnRef[]): SideParts | null =>
    kind.side === null ? null : {
      table: q(kind.side.table),
      key: q(kind.side.key),
      on: q(kind.side.on),
      columns: [
        ...new Set(columns.filter((c) => c.startsWith("side.")).map((c) => q(c.slice("side.".length)))),
      ],
    };
  const own = (kind: KindPreset, columns: readonly ColumnRef[]) => [
    ...new Set([
      ...columns.filter((c) => !c.startsWith("side.")).map(q),
      ...(kind.side === null ? [] : [q(kind.side.on)]),
    ]),
  ];
  const page = (select: string[], kind: KindPreset, used: readonly ColumnRef[], where: string, limit: number | null) =>
    dialect.page({
      select,
      table: q(kind.table),
      key: q(kind.key),
      columns: own(kind, used),
      side: side(kind, used),
      where,
      limit,
    });
  const idAndHash = (name: "exam" | "content", kind: KindPreset) => [
    dialect.text(ref(kind.key)),
    dialect.text(hash(name, kind)),
  ];
  const oddKeys = (table: string, key: string) => dialect.oddKeys(types(table, key) ?? "");
  const whole = (table: string, key: string) =>
    oddKeys(table, key).fractions ? ` and t.${q(key)} = trunc(t.${q(key)})` : "";
  /** Leaves out keys that no id can be; nothing where the column's type has none. */
  const held = (table: string, key: string) =>
    oddKeys(table, key).beyond
      ? ` and t.${q(key)} >= ${dialect.id(LOWEST_ID)} and t.${q(key)} <= ${HIGHEST_ID}${whole(table, key)}`
      : "";
  const range = (kind: KindPreset, first: string, last: string) =>
    `t.${q(kind.key)} >= ${dialect.id(first)} and t.${q(kind.key)} <= ${last}${whole(kind.table, kind.key)}`;
  const ranges = (
    list: readonly (readonly [first: string, last: string])[],
    query: (where: (kind: KindPreset) => string) => string,
  ) => list.map(([first, last]) => `(${query((kind) => range(kind, first, last))})`).join(" union all ");

  return {
    /** Whole rows: id, hash, then `canonicalColumns`. */
    rows(
      name: "exam" | "content",
      where: { after: string | null; limit: number } | { ids: readonly string[] },
    ): string {
      const kind = preset.kinds[name];
      const columns = canonicalColumns(kind);
      const refs = columns.map((c) => kind.columns[c] ?? "");
      const select = columns.map((c, i) => {
        const column = refs[i] ?? "";
        if (TIME_COLUMNS.has(c)) return dialect.time(ref(column), typeOf(kind, column));
        return TEXT_COLUMNS.has(c) ? short(ref(column)) : dialect.text(ref(column));
      });
      const key = `t.${q(kind.key)}`;
      return page(
        [...idAndHash(name, kind), ...select],
        kind,
        [...refs, ...kind.hashed],
        "ids" in where
          ? dialect.idIn(key, where.ids)
          : `${where.after === null ? "1 = 1" : `${key} > ${dialect.id(where.after)}`}${held(kind.table, kind.key)}`,
        "ids" in where ? null : where.limit,
      );
    },

    firstIdFrom(name: "exam" | "content", from: string): string {
      const kind = preset.kinds[name];
      return `select ${dialect.text(`min(t.${q(kind.key)})`)} from ${q(kind.table)} t where ${
        range(kind, from, HIGHEST_ID)
      }`;
    },

    /** Rows [bucket, count, xor] for first <= id <= last, in any order. */
    buckets(name: "exam" | "content", first: string, last: string, size: number): string {
      const kind = preset.kinds[name];
      return dialect.buckets({
        first,
        last,
        size,
        key: `t.${q(kind.key)}`,
        hash: hash(name, kind),
        hashes: (select, where) => page([...select], kind, kind.hashed, `${where}${whole(kind.table, kind.key)}`, null),
      });
    },

    /** Rows [id, hash] of all the ranges first <= id <= last, in any order. */
    keyHashes(name: "exam" | "content", list: readonly (readonly [first: string, last: string])[]): string {
      const kind = preset.kinds[name];
      return ranges(list, (where) => page(idAndHash(name, kind), kind, kind.hashed, where(kind), null));
    },

    /** Rows [count], one for each of the ranges first <= id <= last. */
    countOf(name: "exam" | "content", list: readonly (readonly [first: string, last: string])[]): string {
      const kind = preset.kinds[name];
      return ranges(list, (where) => `select ${dialect.text("count(*)")} from ${q(kind.table)} t where ${where(kind)}`);
    },

    /** One row [count] of those ids that are there. */
    countByIds(name: "exam" | "content", ids: readonly string[]): string {
      const kind = preset.kinds[name];
      return `select ${dialect.text("count(*)")} from ${q(kind.table)} t where ${
        dialect.idIn(`t.${q(kind.key)}`, ids)
      }`;
    },

    /** Rows [key], at most `limit`, of keys that no id can be; `null` where the key's type has none. */
    oddKeys(name: "exam" | "content", limit: number): string | null {
      const { table, key } = preset.kinds[name];
      const { beyond, fractions } = oddKeys(table, key);
      if (!beyond) return null;
      const column = `t.${q(key)}`;
      const odd = [
        `${column} > ${HIGHEST_ID}`,
        `${column} < ${dialect.id(LOWEST_ID)}`,
        ...(fractions ? [`${column} <> trunc(${column})`] : []),
      ];
      return `select ${dialect.text(column)} from ${q(table)} t where ${odd.join(" or ")} limit ${limit}`;
    },

    /** Rows [key, ...columns in the preset's order]. */
    lookup(table: TablePreset, ids: readonly string[]): string {
      const columns = Object.entries(table.columns).map(([name, c]) =>
        name === "title" ? short(q(c)) : dialect.text(q(c))
      );
      return `select ${[dialect.text(q(table.key)), ...columns].join(", ")} from ${q(table.table)} where ${
        dialect.idIn(q(table.key), ids)
      }`;
    },

    /** Rows [id, username, email, displayName, firstName, lastName, active?]. */
    people(people: PeoplePreset, where: { after: string | null; limit: number } | { ids: readonly string[] }): string {
      const { username, email, displayName, firstName, lastName } = people.columns;
      // Qualified, or PostgreSQL would order by the output column of that name, which is text.
      const key = `t.${q(people.key)}`;
      const list = [
        dialect.text(key),
        ...[username, email, displayName, firstName, lastName].map((c) => short(`t.${q(c)}`)),
        ...(people.active === null ? [] : [dialect.text(`t.${q(people.active)}`)]),
      ];
      const condition = "ids" in where
        ? dialect.idIn(key, where.ids)
        : `${where.after === null ? "1 = 1" : `${key} > ${dialect.id(where.after)}`}${
          held(people.table, people.key)
        } order by ${key} limit ${where.limit}`;
      return `select ${list.join(", ")} from ${q(people.table)} t where ${condition}`;
    },

    /** Rows [student, mentor]. */
    links(studentIds: readonly string[]): string {
      const { table, mentor, student } = preset.links;
      return `select ${dialect.text(q(student))}, ${dialect.text(q(mentor))} from ${q(table)} where ${
        dialect.idIn(q(student), studentIds)
      }`;
    },

    /** Rows [student, batch]. */
    batches(studentIds: readonly string[]): string {
      const { table, batch, student } = preset.batches;
      return `select ${dialect.text(q(student))}, ${dialect.text(q(batch))} from ${q(table)} where ${
        dialect.idIn(q(student), studentIds)
      }`;
    },

    /** Fails exactly when the table cannot be read; no rows. */
    probe: (table: string) => `select 1 from ${q(table)} limit 0`,
  };
}
export type LmsQueries = ReturnType<typeof lmsQueries>;

/** The catalog query over every table of a preset. */
export function catalogQuery(preset: Preset, dialect: Dialect): string {
  return dialect.catalog(requirements(preset).map((r) => r.table));
}
