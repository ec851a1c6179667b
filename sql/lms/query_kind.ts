import type { Kind } from "../../lib/model/event_types.ts";
import type { Dialect } from "./dialects/dialect.ts";
import {
  type CanonicalColumn,
  drivers,
  type DrivingTable,
  keyColumns,
  type KindPreset,
  LONGEST_TEXT,
  newestOf,
  TEXT_COLUMNS,
  TIME_COLUMNS,
} from "./preset.ts";

/** The LMS's own key: one text, or the two whole numbers of a pair. Whole numbers have gone through `integer`. */
export type Key = readonly string[];

/** Rows by their keys, or in ranges: each from a key (itself included or not) to another (included); `null` is no bound. */
export type KeyCondition =
  | { readonly keys: readonly Key[] }
  | { readonly ranges: readonly KeyRange[] };
export interface KeyRange {
  readonly from: Key | null;
  readonly fromItself: boolean;
  readonly to: Key | null;
}

/**
 * In a query: `{JOIN}` what joins a small relation to the driving table, and `{WHOLE}` the end of that relation's select. Where a stretch of
 * keys is read, a dialect may have them keep the order and read the small relation once.
 */
const filled = (from: string, { join, whole }: Dialect["stretch"]): string =>
  from.replaceAll("{JOIN}", join).replaceAll("{WHOLE}", whole);

/** A query as it reads by single keys, and to whoever looks at its columns. */
export const plainQuery = (from: string): string => filled(from, { join: "join", whole: "" });

/** Stands in a query for a relation of the keys that are wanted: `id`, or `a` and `b` of a pair. */
const KEYS = "{keys}";

/** The statements of a kind that reads a query. Every one is bounded by keys; none sorts what a join gives. */
export function queryKind(
  name: Kind,
  kind: KindPreset & { readonly from: string },
  columns: readonly CanonicalColumn[],
  dialect: Dialect,
  /** Types of the query's output columns. */
  typeOf: (column: string) => string | undefined,
  raw: boolean,
) {
  const q = dialect.quote;
  const form = kind.keyType ?? "integer";
  const own = keyColumns(kind.key).map((column) => `t.${q(column)}`);
  const driving = drivers(kind).map(({ table, key }: DrivingTable) => ({
    table: q(table),
    key: keyColumns(key).map(q),
  }));
  const keyText = own.length > 1
    ? dialect.concat([own[0] ?? "", "'/'", own[1] ?? ""])
    : form === "binary"
    ? dialect.hex(own[0] ?? "")
    : own[0] ?? "";
  const id = own.length > 1
    ? dialect.pairId(own[0] ?? "", own[1] ?? "")
    : form === "integer"
    ? own[0] ?? ""
    : dialect.textId(`${name}_row`, keyText);
  const hash = dialect.queryHash([`${name}:`], [...own, ...kind.hashed.map((column) => `t.${q(column)}`)]);
  const value = (text: string) =>
    form === "integer" ? dialect.id(text) : form === "binary" ? dialect.bytesLiteral(text) : dialect.literal(text);
  const short = (expression: string) =>
    raw ? dialect.shortBytes(expression, LONGEST_TEXT) : dialect.shortText(expression, LONGEST_TEXT);

  const keyTexts = (on: readonly string[]) =>
    on.map((column) => dialect.text(form === "binary" ? dialect.hex(column) : column));

  const inRange = (range: KeyRange, [a, b]: readonly string[]): string => {
    const { from, fromItself, to } = range;
    const parts = [
      ...(from === null
        ? []
        : b === undefined
        ? [`${a} ${fromItself ? ">=" : ">"} ${value(from[0] ?? "")}`]
        : [`${a} >= ${from[0]} and (${a} > ${from[0]} or ${b} ${fromItself ? ">=" : ">"} ${from[1]})`]),
      ...(to === null
        ? []
        : b === undefined
        ? [`${a} <= ${value(to[0] ?? "")}`]
        : [`${a} <= ${to[0]} and (${a} < ${to[0]} or ${b} <= ${to[1]})`]),
    ];
    return parts.length === 0 ? "1 = 1" : parts.join(" and ");
  };
  const condition = (where: KeyCondition, on: readonly string[]): string => {
    if ("ranges" in where) {
      return `(${where.ranges.map((range) => `(${inRange(range, on)})`).join(" or ")})`;
    }
    return form === "integer"
      ? dialect.idIn(on[0] ?? "", where.keys.map(([key]) => key ?? ""))
      : `${on[0]} in (${where.keys.map(([key]) => value(key ?? "")).join(",")})`;
  };
  /** The keys that there are, as a relation. */
  const keysRelation = (where: KeyCondition): string => {
    if (own.length > 1 && "keys" in where) return dialect.pairsIn(where.keys, driving);
    const names = own.length > 1 ? ["a", "b"] : ["id"];
    return `(${
      driving.map(({ table, key }) =>
        `select ${key.map((column, i) => `d.${column} as ${names[i]}`).join(", ")} from ${table} d where ${
          condition(where, key.map((column) => `d.${column}`))
        }`
      ).join(" union ")
    }${dialect.fence})`;
  };
  const rowsWhere = (where: KeyCondition): { from: string; where: string } => {
    const query = "ranges" in where ? filled(kind.from, dialect.stretch) : plainQuery(kind.from);
    if (query.includes(KEYS)) {
      return { from: `(${query.replaceAll(KEYS, keysRelation(where))}\n) t`, where: "1 = 1" };
    }
    if (own.length > 1 && "keys" in where) {
      return dialect.rowsOfPairs(query, keyColumns(kind.key).map(q), where.keys);
    }
    return { from: `(${query}\n) t`, where: condition(where, own) };
  };
  const select = (list: readonly string[], where: KeyCondition, limit: number | null = null) => {
    const { from, where: on } = rowsWhere(where);
    return `select ${list.join(", ")} from ${from} where ${on}${limit === null ? "" : ` limit ${limit}`}`;
  };

  return {
    /** Whole rows in any order: key as text, hash, then the canonical columns. */
    rows: (where: KeyCondition, limit: number | null = null): string =>
      select(
        [
          dialect.text(keyText),
          dialect.text(hash),
          ...columns.map((column) => {
            const output = kind.columns[column] ?? "";
            const expression = `t.${q(output)}`;
            const form = kind.times?.[column];
            if (TIME_COLUMNS.has(column) && form !== "unix_s" && form !== "unix_ms") {
              return dialect.time(expression, typeOf(output));
            }
            return TEXT_COLUMNS.has(column) ? short(expression) : dialect.text(expression);
          }),
        ],
        where,
        limit,
      ),

    /** For each driving table: its keys after one, ascending, at most so many; each part of a key is a column. */
    keysAfter: (range: KeyRange, limit: number, skip = 0): readonly string[] =>
      driving.map(({ table, key }) => {
        const on = key.map((column) => `d.${column}`);
        return `select ${keyTexts(on).join(", ")} from ${table} d where ${inRange(range, on)} order by ${
          on.join(", ")
        }` +
          ` limit ${limit}${skip === 0 ? "" : ` offset ${skip}`}`;
      }),

    /** For each driving table: its last keys, descending. */
    lastKeys: (limit: number): readonly string[] =>
      driving.map(({ table, key }) => {
        const on = key.map((column) => `d.${column}`);
        return `select ${keyTexts(on).join(", ")} from ${table} d order by ${
          on.map((column) => `${column} desc`).join(", ")
        } limit ${limit}`;
      }),

    /** Keys of what was written last, the newest first; `null` where nothing says it. */
    newestKeys: (limit: number, skip: number): string | null => {
      const newest = newestOf(kind);
      if (newest === null) return null;
      const on = keyColumns(newest.key).map((column) => `d.${q(column)}`), column = `d.${q(newest.column)}`;
      return `select ${keyTexts(on).join(", ")} from ${q(newest.table)} d where ${column} is not null` +
        ` order by ${column} desc limit ${limit}${skip === 0 ? "" : ` offset ${skip}`}`;
    },

    /** For each driving table of one column: its smallest key in a range, as it is. */
    firstKey: (range: KeyRange): readonly string[] =>
      driving.map(({ table, key: [column] }) =>
        `select ${dialect.text(`min(d.${column})`)} from ${table} d where ${inRange(range, [`d.${column}`])}`
      ),

    /** At most one row, in no order: whether the query gives anything there. */
    any: (range: KeyRange): string => select(["1"], { ranges: [range] }, 1),

    /** Rows [bucket, count, xor]. */
    buckets: (range: KeyRange, size: bigint): string =>
      dialect.groupBuckets({ id, hash, size: String(size), ...rowsWhere({ ranges: [range] }) }),

    /** Rows [key, hash] in any order; `buckets`: of these only, each with so many ids. */
    keyHashes: (
      where: KeyCondition,
      buckets: { readonly list: readonly bigint[]; readonly size: bigint } | null,
    ): string => {
      const { from, where: on } = rowsWhere(where);
      const inBuckets = buckets === null
        ? ""
        : ` and ${dialect.idIn(dialect.bucket(id, String(buckets.size)), buckets.list.map(String))}`;
      return `select ${dialect.text(keyText)}, ${dialect.text(hash)} from ${from} where ${on}${inBuckets}`;
    },

    /** One row [count]. */
    count: (where: KeyCondition): string => select([dialect.text("count(*)")], where),
  };
}
export type QueryKind = ReturnType<typeof queryKind>;

/** A statement that gives a query's columns, and no row. */
export function probeOf(from: string, kind: KindPreset | null, dialect: Dialect): string {
  const driving = kind === null ? [] : drivers(kind);
  const [first] = driving;
  const names = first === undefined || keyColumns(first.key).length === 1 ? ["id"] : ["a", "b"];
  const keys = first === undefined
    ? KEYS
    : `(select ${
      keyColumns(first.key).map((column, i) => `d.${dialect.quote(column)} as ${names[i]}`).join(", ")
    } from ${dialect.quote(first.table)} d where 1 = 0)`;
  return `select * from (${plainQuery(from).replaceAll(KEYS, keys)}\n) t limit 0`;
}
