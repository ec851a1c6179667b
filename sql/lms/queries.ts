import type { Kind } from "../../lib/model/event_types.ts";
import { type Dialect, HIGHEST_ID, type SideParts } from "./dialects/dialect.ts";
import { held, type KeyColumn, oddConditions, whole } from "./key_conditions.ts";
import {
  CANONICAL_COLUMNS,
  type CanonicalColumn,
  type ColumnRef,
  type IdSort,
  kindOf,
  type KindPreset,
  LONGEST_TEXT,
  type PeoplePreset,
  type Preset,
  type Relation,
  type TablePreset,
  TEXT_COLUMNS,
  TIME_COLUMNS,
} from "./preset.ts";
import { requirements } from "./requirements.ts";
import { type LogQuery, logQuery } from "./log_query.ts";
import { type QueryKind, queryKind } from "./query_kind.ts";

/** Types of columns by table and column; see `Dialect.catalog`. */
export type ColumnTypes = (table: string, column: string) => string | undefined;

/** Whether a column of a table may hold NULL; of queries nothing says so. */
export type NullableColumns = (table: string, column: string) => boolean;

/** The canonical columns a kind has, in the order in which its page query selects them after id and hash. */
export function canonicalColumns(kind: KindPreset): CanonicalColumn[] {
  return CANONICAL_COLUMNS.filter((name) => kind.columns[name] !== undefined);
}

/** The columns of a look-up that there are, in the order in which its query selects them after the key. */
export function lookupColumns(table: TablePreset<never, string>): [name: string, column: string][] {
  return Object.entries(table.columns).flatMap(([name, column]) => column === undefined ? [] : [[name, column]]);
}

/** An id that may stand in a query as it is. Throws RangeError for anything but a whole 64-bit decimal number. */
export function integer(id: string | number): string {
  const text = String(id);
  if (!/^-?\d{1,19}$/.test(text) || (text.length > 18 && BigInt.asIntN(64, BigInt(text)) !== BigInt(text))) {
    throw new RangeError(`Cannot use "${text}" as an LMS id: not a whole number`);
  }
  return text;
}

/** What types of a query's columns go by, where those of a table go by its name. */
export const queryName = (what: string): string => `query ${what}`;

type TableKind = KindPreset & { readonly table: string; readonly key: string };

/** A kind that reads a table; kinds that read a query have statements of their own (query_kind.ts). */
function tableKind(preset: Preset, name: Kind): TableKind {
  const kind = kindOf(preset, name);
  if ("table" in kind && typeof kind.key === "string") return { ...kind, key: kind.key };
  throw new TypeError(`The ${name} rows of preset ${preset.name} are no table's`);
}

/**
 * The queries of one preset in one dialect. Ids must have gone through `integer`. `raw`: for a session in which texts may hold
 * bytes that are no letters.
 */
export function lmsQueries(
  preset: Preset,
  dialect: Dialect,
  types: ColumnTypes,
  raw = false,
  nullable: NullableColumns = () => false,
) {
  const q = dialect.quote;
  const ref = (column: ColumnRef) =>
    column.startsWith("side.") ? `side.${q(column.slice("side.".length))}` : `t.${q(column)}`;
  const short = (expression: string) =>
    raw ? dialect.shortBytes(expression, LONGEST_TEXT) : dialect.shortText(expression, LONGEST_TEXT);
  const typeOf = (kind: TableKind, column: ColumnRef) =>
    column.startsWith("side.") && kind.side !== null
      ? types(kind.side.table, column.slice("side.".length))
      : types(kind.table, column);
  const isText = (sort: IdSort | "media") => sort !== "media" && preset.ids?.[sort] === "text";
  /** Rows of a look-up by ids, which are texts of the LMS where its mapping says so. */
  const withId = (expression: string, ids: readonly string[], sort: IdSort | "media") =>
    isText(sort)
      ? `${expression} in (${ids.map((id) => dialect.literal(id)).join(",")})`
      : dialect.idIn(expression, ids.map(integer));
  const relation = (from: Relation) => "table" in from ? q(from.table) : `(${from.from}\n)`;
  const hash = (name: Kind, kind: TableKind) =>
    dialect.hash(
      [`${name}:`],
      [kind.key, ...kind.hashed].map((column) => ({ expression: ref(column), type: typeOf(kind, column) })),
    );
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
  const page = (select: string[], kind: TableKind, used: readonly ColumnRef[], where: string, limit: number | null) =>
    dialect.page({
      select,
      table: q(kind.table),
      key: q(kind.key),
      columns: own(kind, used),
      side: side(kind, used),
      where,
      limit,
    });
  const idAndHash = (name: Kind, kind: TableKind) => [
    dialect.text(ref(kind.key)),
    dialect.text(hash(name, kind)),
  ];
  /** The key of a table as all statements here name it. */
  const keyOf = (table: string, key: string): KeyColumn => ({
    column: `t.${q(key)}`,
    type: types(table, key),
    nullable: nullable(table, key),
  });
  const range = (kind: TableKind, first: string, last: string) =>
    `t.${q(kind.key)} >= ${dialect.id(first)} and t.${q(kind.key)} <= ${last}${
      whole(dialect, keyOf(kind.table, kind.key))
    }`;
  const ranges = (
    list: readonly (readonly [first: string, last: string])[],
    query: (where: (kind: TableKind) => string) => string,
  ) => list.map(([first, last]) => `(${query((kind) => range(kind, first, last))})`).join(" union all ");

  const pairs = (from: Relation, student: string, other: string, studentIds: readonly string[]) =>
    `select ${dialect.text(student)}, ${dialect.text(other)} from ${relation(from)} t where ${
      withId(student, studentIds, "student")
    }`;

  return {
    /** Whole rows: id, hash, then `canonicalColumns`. */
    rows(
      name: Kind,
      where: { after: string | null; limit: number } | { ids: readonly string[] },
    ): string {
      const kind = tableKind(preset, name);
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
          : `${where.after === null ? "1 = 1" : `${key} > ${dialect.id(where.after)}`}${
            held(dialect, keyOf(kind.table, kind.key))
          }`,
        "ids" in where ? null : where.limit,
      );
    },

    firstIdFrom(name: Kind, from: string): string {
      const kind = tableKind(preset, name);
      return `select ${dialect.text(`min(t.${q(kind.key)})`)} from ${q(kind.table)} t where ${
        range(kind, from, HIGHEST_ID)
      }`;
    },

    /** Rows [bucket, count, xor] for first <= id <= last, in any order. */
    buckets(name: Kind, first: string, last: string, size: number): string {
      const kind = tableKind(preset, name);
      return dialect.buckets({
        first,
        last,
        size,
        key: `t.${q(kind.key)}`,
        hash: hash(name, kind),
        hashes: (select, where) =>
          page([...select], kind, kind.hashed, `${where}${whole(dialect, keyOf(kind.table, kind.key))}`, null),
      });
    },

    /** Rows [id, hash] of all the ranges first <= id <= last, in any order. */
    keyHashes(name: Kind, list: readonly (readonly [first: string, last: string])[]): string {
      const kind = tableKind(preset, name);
      return ranges(list, (where) => page(idAndHash(name, kind), kind, kind.hashed, where(kind), null));
    },

    /** Rows [count], one for each of the ranges first <= id <= last. */
    countOf(name: Kind, list: readonly (readonly [first: string, last: string])[]): string {
      const kind = tableKind(preset, name);
      return ranges(list, (where) => `select ${dialect.text("count(*)")} from ${q(kind.table)} t where ${where(kind)}`);
    },

    /** One row [count] of those ids that are there. */
    countByIds(name: Kind, ids: readonly string[]): string {
      const kind = tableKind(preset, name);
      return `select ${dialect.text("count(*)")} from ${q(kind.table)} t where ${
        dialect.idIn(`t.${q(kind.key)}`, ids)
      }`;
    },

    /** Rows [key], at most `limit`, of keys that no id can be; `null` where the key's column has none. */
    oddKeys(name: Kind, limit: number): string | null {
      const { table, key } = tableKind(preset, name);
      const of = keyOf(table, key), odd = oddConditions(dialect, of);
      if (odd.length === 0) return null;
      return `select ${dialect.text(of.column)} from ${q(table)} t where ${odd.join(" or ")} limit ${limit}`;
    },

    /** Rows [key, ...columns in the preset's order]. */
    lookup(table: TablePreset<never, string>, ids: readonly string[], sort: IdSort | "media"): string {
      const columns = lookupColumns(table).map(([name, c]) =>
        name === "title" ? short(`l.${q(c)}`) : dialect.text(`l.${q(c)}`)
      );
      const key = `l.${q(table.key)}`;
      return `select ${[dialect.text(key), ...columns].join(", ")} from ${relation(table)} l where ${
        withId(key, ids, sort)
      }`;
    },

    /** Rows [id, username, email, displayName, firstName, lastName, active?]; a page is in the order of the LMS's keys. */
    people(
      role: "student" | "mentor",
      where: { after: string | null; limit: number } | { ids: readonly string[] },
    ): string {
      const people: PeoplePreset = preset.people[role];
      const { username, email, displayName, firstName, lastName } = people.columns;
      // Qualified, or PostgreSQL would order by the output column of that name, which is text.
      const key = `t.${q(people.key)}`;
      const list = [
        dialect.text(key),
        ...[username, email, displayName, firstName, lastName].map((c) =>
          c === undefined ? "null" : short(`t.${q(c)}`)
        ),
        ...(people.active === null ? [] : [dialect.text(`t.${q(people.active)}`)]),
      ];
      const condition = "ids" in where
        ? withId(key, where.ids, role)
        : `${
          where.after === null
            ? "1 = 1"
            : `${key} > ${isText(role) ? dialect.literal(where.after) : dialect.id(where.after)}`
        }${
          "table" in people && !isText(role) ? held(dialect, keyOf(people.table, people.key)) : ""
        } order by ${key} limit ${where.limit}`;
      return `select ${list.join(", ")} from ${relation(people)} t where ${condition}`;
    },

    /** Rows [student, mentor]. */
    links(studentIds: readonly string[]): string {
      const { mentor, student } = preset.links;
      return pairs(preset.links, `t.${q(student)}`, `t.${q(mentor)}`, studentIds);
    },

    /** Rows [student, batch]. */
    batches(batches: NonNullable<Preset["batches"]>, studentIds: readonly string[]): string {
      return pairs(batches, `t.${q(batches.student)}`, `t.${q(batches.batch)}`, studentIds);
    },

    /** Statements of a kind that reads a query. */
    queryKind: (name: Kind): QueryKind => {
      const kind = kindOf(preset, name);
      if (!("from" in kind)) throw new TypeError(`The ${name} rows of preset ${preset.name} are no query's`);
      const columns = { typeOf: (column: string) => types(queryName(name), column), types, nullable };
      return queryKind(name, kind, canonicalColumns(kind), dialect, columns, raw);
    },

    /** Statements about the log of a kind; `null` where there is none. */
    log: (name: Kind): LogQuery | null => {
      const kind = kindOf(preset, name);
      return kind.log === undefined ? null : logQuery(kind, kind.log, canonicalColumns(kind), dialect, raw);
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
