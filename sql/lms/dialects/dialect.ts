/** Bounds of the ids that can be kept: signed 64 bits. */
export const LOWEST_ID = "-9223372036854775808";
export const HIGHEST_ID = "9223372036854775807";

/** Where a page of rows comes from: the kind's table under alias `t`, at most one side row under alias `side`. */
export interface PageParts {
  /** Select list over aliases `t` and `side`. */
  readonly select: readonly string[];
  /** Quoted table and key of the kind. */
  readonly table: string;
  readonly key: string;
  /** Columns of the kind's table that the select list uses, quoted. */
  readonly columns: readonly string[];
  readonly side: SideParts | null;
  /** Condition over alias `t`. */
  readonly where: string;
  /** Rows of a limited page come in ascending key order; others in any. */
  readonly limit: number | null;
}

export interface OddKeys {
  /** Numbers beyond 64 bits, which need a condition to be left out. */
  readonly beyond: boolean;
  /** Numbers that are not whole. */
  readonly fractions: boolean;
}

export interface SideParts {
  readonly table: string;
  readonly key: string;
  /** Quoted column of the kind's table. */
  readonly on: string;
  readonly columns: readonly string[];
}

/** Keys from `first` to `last`, both included, as whole 64-bit numbers; a bucket is `floor(key / size)`. */
export interface BucketParts {
  readonly first: string;
  readonly last: string;
  readonly size: number;
  /** The kind's key, as `hashes` names it. */
  readonly key: string;
  /** A query of the rows for which a condition holds. */
  readonly hashes: (select: readonly string[], where: string) => string;
  readonly hash: string;
}

/** A column, and its type as the catalog says it, where that is known. */
export interface HashedField {
  readonly expression: string;
  readonly type: string | undefined;
}

/**
 * How a stretch of keys is joined with a small relation (`join`), and what ends that relation's select: of any (`whole`), and of one that
 * computes something (`once`).
 */
export interface Stretch {
  readonly join: string;
  readonly whole: string;
  readonly once: string;
}

/**
 * What differs between databases. Every value is selected as text (or null), so that one reader serves all; ids in
 * conditions are literals that `integer` (sql/lms/queries.ts) let through, so that no prepared statement is needed and a
 * transaction pooler in between does no harm.
 */
export interface Dialect {
  readonly name: "postgres" | "mysql";
  /** Part of the recipe number. */
  readonly number: number;
  /** Ends a subquery that is planned by itself: what it is joined with must not choose how it is read. */
  readonly fence: string;
  readonly stretch: Stretch;
  /** The same in a sum, which has many more keys than a page. */
  readonly sumStretch: Stretch;
  quote(identifier: string): string;
  /** A select-list item as text. */
  text(expression: string): string;
  /** A select-list item of some text type, cut to so many letters. */
  shortText(expression: string, letters: number): string;
  /** The same where some text holds bytes that are no letters. */
  shortBytes(expression: string, letters: number): string;
  /** A time as text; a column type that knows its instant gets an offset, others stay zoneless. */
  time(expression: string, type: string | undefined): string;
  /** Signed 64-bit hash of fields; NULLs are marked and fields told apart, so no two lists read alike. */
  hash(literals: readonly string[], fields: readonly HashedField[]): string;
  /** The same of what a query computes. */
  queryHash(literals: readonly string[], fields: readonly HashedField[]): string;
  /** Rows [bucket, count, xor of the hashes] of the buckets that have rows, in any order. */
  buckets(parts: BucketParts): string;
  idIn(expression: string, ids: readonly string[]): string;
  /** A text or, in hexadecimal, bytes, as a literal. */
  literal(text: string): string;
  bytesLiteral(hex: string): string;
  /** Bytes as lower-case hexadecimal text. */
  hex(expression: string): string;
  concat(parts: readonly string[]): string;
  /**
   * The id that stands for a text (lib/model/key_space.ts), computed from an expression of some text type, whatever encoding the database
   * has. `raw`: it may hold bytes that are no letters, which nothing converts.
   */
  textId(sort: string, expression: string, raw: boolean): string;
  /** The id that stands for a pair. */
  pairId(a: string, b: string): string;
  /** A relation (a, b) of those of these pairs that one of the tables has. */
  pairsIn(pairs: readonly (readonly string[])[], tables: readonly { table: string; key: readonly string[] }[]): string;
  /** `from` and `where` of the rows of a query, under alias t, that have one of these pairs in two of its columns. */
  rowsOfPairs(
    query: string,
    columns: readonly string[],
    pairs: readonly (readonly string[])[],
  ): { readonly from: string; readonly where: string };
  /** Rows [bucket, count, xor of the hashes] of a query's rows: `id` and `hash` are expressions over its alias. */
  groupBuckets(parts: {
    readonly id: string;
    readonly hash: string;
    readonly size: string;
    readonly from: string;
    readonly where: string;
  }): string;
  /** `floor(id / size)` of an expression. */
  bucket(id: string, size: string): string;
  /** Rows with the names of all tables and views that these names are looked up in: rows [table]. */
  readonly tables: string;
  page(parts: PageParts): string;
  /** The given tables' columns as rows [table, column, type, readable ("1"/"0"), may be null ("1"/"0")]. */
  catalog(tables: readonly string[]): string;
  /** Major version that has every function used here; `null`: any that is still in use. */
  readonly oldest: number | null;
  /** One row: version, database. */
  readonly about: string;
  /** One row: the server's time, in whole microseconds since 1970. */
  readonly clock: string;
  /**
   * Statements with rows [name, value]: "database", "schema" (in which these tables are found, where a database has such), and
   * under any other name whatever identifies the server and a plain role may read. Asked before every poll.
   */
  identity(tables: readonly string[]): readonly string[];
  /** Names of identifiers that two servers may have in common: when equal, they prove nothing. */
  readonly sharedIdentifiers: readonly string[];
  /**
   * One row, one text (or null): equal only if nothing was committed on this server in between, and the names stand for the
   * same tables; `null` where there is no such proof.
   */
  readonly changeToken: ((tables: readonly string[]) => string) | null;
  /**
   * What the names stand for, with all partitions and children: rows [name, kind, persistence, row security ("1"/"0"),
   * access method, one relation of this sort, how many of it]. Kinds and persistence are pg_class's letters.
   */
  readonly relations: ((tables: readonly string[]) => string) | null;
  /**
   * Of these names, those of functions of which some form is not immutable, and those of schemas: rows ["function"/"schema", name];
   * `null` where the database does not say.
   */
  readonly volatility: ((names: readonly string[]) => string) | null;
  /** What this role may write: rows [superuser or table, name] on PostgreSQL, the lines of SHOW GRANTS on MySQL. */
  readonly writeRights: string;
  /** Whether a column type counts as an integer key. */
  isInteger(type: string): boolean;
  /** Whether the database compares a column of this type with a whole number. */
  comparesWithIds(type: string): boolean;
  /** What a key of this type may be that is no signed 64-bit number. */
  oddKeys(type: string): OddKeys;
  /** A number without its fraction. */
  truncated(expression: string): string;
  /** A whole 64-bit number in a condition, of a type that an index over integers serves. */
  id(decimal: string): string;
}
