import type { Dialect, SideParts } from "./dialects/dialect.ts";
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
  if (!/^-?\d{1,20}$/.test(text)) throw new RangeError(`Cannot use "${text}" as an LMS id: not a whole number`);
  return text;
}

/** The queries of one preset in one dialect. Ids must have gone through `integer`. */
export function lmsQueries(preset: Preset, dialect: Dialect, types: ColumnTypes) {
  const q = dialect.quote;
  const ref = (column: ColumnRef) =>
    column.startsWith("side.") ? `side.${q(column.slice("side.".length))}` : `t.${q(column)}`;
  const short = (expression: string) => dialect.shortText(expression, LONGEST_TEXT);
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
  const range = (kind: KindPreset, from: string, to: string) =>
    `t.${q(kind.key)} >= ${from} and t.${q(kind.key)} < ${to}`;

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
        "ids" in where ? dialect.idIn(key, where.ids) : where.after === null ? "1 = 1" : `${key} > ${where.after}`,
        "ids" in where ? null : where.limit,
      );
    },

    firstIdFrom(name: "exam" | "content", from: string): string {
      const kind = preset.kinds[name];
      return `select ${dialect.text(`min(t.${q(kind.key)})`)} from ${q(kind.table)} t where t.${
        q(kind.key)
      } >= ${from}`;
    },

    /** Rows [bucket, count, xor] for from <= id < to, in any order. */
    buckets(name: "exam" | "content", from: string, to: string, size: number): string {
      const kind = preset.kinds[name];
      return dialect.buckets({
        from,
        to,
        size,
        key: `t.${q(kind.key)}`,
        hash: hash(name, kind),
        hashes: (select, where) => page([...select], kind, kind.hashed, where, null),
      });
    },

    /** Rows [id, hash] of all the ranges from <= id < to, in any order. */
    keyHashes(name: "exam" | "content", ranges: readonly (readonly [from: string, to: string])[]): string {
      const kind = preset.kinds[name];
      return ranges.map(([from, to]) =>
        `(${page(idAndHash(name, kind), kind, kind.hashed, range(kind, from, to), null)})`
      ).join(" union all ");
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
        : `${where.after === null ? "1 = 1" : `${key} > ${where.after}`} order by ${key} limit ${where.limit}`;
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
