import type { Kind } from "../../lib/model/event_types.ts";
import type { Dialect, Stretch } from "./dialects/dialect.ts";
import { held, heldPair, type KeyColumn, oddConditions, oddPart, whole } from "./key_conditions.ts";
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
 * In a query: `{JOIN}` joins a small relation to the driving table; `{WHOLE}` ends that relation's select, and `{ONCE}` one that computes
 * something. Where a stretch of keys is read, a dialect has them keep the order, and read and compute the small relation once.
 */
const filled = (from: string, { join, whole, once }: Stretch): string =>
  from.replaceAll("{JOIN}", join).replaceAll("{WHOLE}", whole).replaceAll("{ONCE}", once);

/** A query as it reads by single keys, and to whoever looks at its columns. */
export const plainQuery = (from: string): string => filled(from, { join: "join", whole: "", once: "" });

/** In a query: the keys that are wanted, as a relation of `id`, or of `a` and `b`; and whole rows of the one table that drives it. */
const KEYS = "{keys}", ROWS = "{rows}";
const takesKeys = (from: string): boolean => from.includes(KEYS) || from.includes(ROWS);

/** What is known of columns. */
export interface QueryColumns {
  /** Types of the query's output columns. */
  typeOf(column: string): string | undefined;
  /** Of columns of tables. */
  types(table: string, column: string): string | undefined;
  nullable(table: string, column: string): boolean;
}

/** The statements of a kind that reads a query. Every one is bounded by keys; none sorts what a join gives. */
export function queryKind(
  name: Kind,
  kind: KindPreset & { readonly from: string },
  columns: readonly CanonicalColumn[],
  dialect: Dialect,
  /** Of the query's own output, and of the tables that drive it. */
  { typeOf, types, nullable }: QueryColumns,
  raw: boolean,
) {
  const q = dialect.quote, form = kind.keyType ?? "integer";
  const own = keyColumns(kind.key).map((column) => `t.${q(column)}`);
  const driving = drivers(kind).map(({ table, key }: DrivingTable) => ({
    table: q(table),
    key: keyColumns(key).map(q),
    keys: keyColumns(key).map((column): KeyColumn => ({
      column: `d.${q(column)}`,
      type: types(table, column),
      nullable: nullable(table, column),
    })),
  }));
  /** The query's own key, as what drives it has it. */
  const ownKeys = keyColumns(kind.key).map((column, i): KeyColumn => ({
    column: `t.${q(column)}`,
    type: oddest(dialect, [...driving.map(({ keys }) => keys[i]?.type), typeOf(column)]),
    nullable: driving.length === 0 || driving.some(({ keys }) => keys[i]?.nullable === true),
  }));
  /** Leaves out what no id can be; begins with " and ". */
  const heldKeys = (keys: readonly KeyColumn[]): string =>
    keys.length > 1
      ? heldPair(dialect, keys)
      : form === "integer"
      ? keys.map((key) => held(dialect, key)).join("")
      : keys.flatMap(({ column, nullable }) => nullable ? [` and ${column} is not null`] : []).join("");
  const oddKeys = (keys: readonly KeyColumn[], parts: number): string[] =>
    keys.length > 1
      ? keys.slice(0, parts).flatMap((part) => oddPart(dialect, part))
      : form === "integer"
      ? keys.flatMap((key) => oddConditions(dialect, key))
      : keys.flatMap(({ column, nullable }) => nullable ? [`${column} is null`] : []);
  const keyText = own.length > 1
    ? dialect.concat([own[0] ?? "", "'/'", own[1] ?? ""])
    : form === "binary"
    ? dialect.hex(own[0] ?? "")
    : own[0] ?? "";
  const id = own.length > 1
    // Beyond what a pair can be there is no id, and the sum would leave what is 64 bits.
    ? `case when 1 = 1${heldPair(dialect, ownKeys)} then ${dialect.pairId(own[0] ?? "", own[1] ?? "")} end`
    : form === "integer"
    ? own[0] ?? ""
    : dialect.textId(`${name}_row`, keyText, raw);
  const field = (column: string) => ({ expression: `t.${q(column)}`, type: typeOf(column) });
  const hash = dialect.queryHash([`${name}:`], [...keyColumns(kind.key), ...kind.hashed].map(field));
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
  const condition = (where: KeyCondition, keys: readonly KeyColumn[]): string => {
    const on = keys.map(({ column }) => column);
    if ("ranges" in where) {
      const fractions = form === "integer" && keys.length === 1 ? keys.map((key) => whole(dialect, key)).join("") : "";
      return `(${where.ranges.map((range) => `(${inRange(range, on)})`).join(" or ")})${fractions}`;
    }
    return form === "integer"
      ? dialect.idIn(on[0] ?? "", where.keys.map(([key]) => key ?? ""))
      : `${on[0]} in (${where.keys.map(([key]) => value(key ?? "")).join(",")})`;
  };
  /** The rows that there are of what drives the query, as a relation. */
  const rowsRelation = (where: KeyCondition): string =>
    driving.slice(0, 1).map(({ table, keys }) =>
      `(select d.* from ${table} d where ${condition(where, keys)}${dialect.fence})`
    ).join();
  /** The keys that there are, as a relation. */
  const keysRelation = (where: KeyCondition): string => {
    if (own.length > 1 && "keys" in where) return dialect.pairsIn(where.keys, driving);
    const names = own.length > 1 ? ["a", "b"] : ["id"];
    return `(${
      driving.map(({ table, key, keys }) =>
        `select ${key.map((column, i) => `d.${column} as ${names[i]}`).join(", ")} from ${table} d where ${
          condition(where, keys)
        }`
      ).join(" union ")
    }${dialect.fence})`;
  };
  const rowsWhere = (where: KeyCondition, stretch = dialect.stretch): { from: string; where: string } => {
    const query = "ranges" in where ? filled(kind.from, stretch) : plainQuery(kind.from);
    if (takesKeys(query)) {
      const bounded = query.replaceAll(KEYS, () => keysRelation(where)).replaceAll(ROWS, () => rowsRelation(where));
      return { from: `(${bounded}\n) t`, where: "1 = 1" };
    }
    if (own.length > 1 && "keys" in where) {
      return dialect.rowsOfPairs(query, keyColumns(kind.key).map(q), where.keys);
    }
    return { from: `(${query}\n) t`, where: condition(where, ownKeys) };
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
      driving.map(({ table, keys }) => {
        const on = keys.map(({ column }) => column);
        return `select ${keyTexts(on).join(", ")} from ${table} d where ${inRange(range, on)}${
          heldKeys(keys)
        } order by ${on.join(", ")}` +
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
      const { table } = newest, column = `d.${q(newest.column)}`;
      const keys = keyColumns(newest.key).map((key): KeyColumn => ({
        column: `d.${q(key)}`,
        type: types(table, key),
        nullable: nullable(table, key),
      }));
      return `select ${keyTexts(keys.map(({ column }) => column)).join(", ")} from ${
        q(table)
      } d where ${column} is not null` +
        heldKeys(keys) +
        ` order by ${column} desc limit ${limit}${skip === 0 ? "" : ` offset ${skip}`}`;
    },

    /** For each driving table of one column: its smallest key in a range, as it is. */
    firstKey: (range: KeyRange): readonly string[] =>
      driving.map(({ table, key: [column], keys }) =>
        `select ${dialect.text(`min(d.${column})`)} from ${table} d where ${inRange(range, [`d.${column}`])}${
          heldKeys(keys)
        }`
      ),

    /**
     * For each driving table that may have some: its keys that no id can be, at most so many. `parts`: of pairs the first part
     * alone, which an index serves, or both.
     */
    oddDriving: (limit: number, parts: number): readonly string[] =>
      driving.flatMap(({ table, keys }) => {
        const odd = oddKeys(keys, parts);
        return odd.length === 0 ? [] : [
          `select ${keyTexts(keys.map(({ column }) => column)).join(", ")} from ${table} d where ${odd.join(" or ")}` +
          ` limit ${limit}`,
        ];
      }),

    /** Such keys among the query's own rows; `null` where it takes the keys that are wanted from elsewhere, or can have none. */
    oddOwn: (limit: number): string | null => {
      const odd = oddKeys(ownKeys, 2);
      if (odd.length === 0 || takesKeys(kind.from)) return null;
      return `select ${keyTexts(own).join(", ")} from (${kind.from}\n) t where ${odd.join(" or ")} limit ${limit}`;
    },

    /** At most one row, in no order: whether the query gives anything there. */
    any: (range: KeyRange): string => select(["1"], { ranges: [range] }, 1),

    /** Rows [bucket, count, xor]. */
    buckets: (range: KeyRange, size: bigint): string =>
      dialect.groupBuckets({ id, hash, size: String(size), ...rowsWhere({ ranges: [range] }, dialect.sumStretch) }),

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

/** Of several types of one key that which can hold most that no id can be. */
function oddest(dialect: Dialect, types: readonly (string | undefined)[]): string | undefined {
  const odd = types.filter((type) => type !== undefined && dialect.oddKeys(type).beyond);
  return odd.find((type) => dialect.oddKeys(type ?? "").fractions) ?? odd[0] ?? types[0];
}

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
  const rows = first === undefined ? ROWS : `(select d.* from ${dialect.quote(first.table)} d where 1 = 0)`;
  const query = plainQuery(from).replaceAll(KEYS, () => keys).replaceAll(ROWS, () => rows);
  return `select * from (${query}\n) t limit 0`;
}
