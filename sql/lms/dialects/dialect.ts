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

export interface SideParts {
  readonly table: string;
  readonly key: string;
  /** Quoted column of the kind's table. */
  readonly on: string;
  readonly columns: readonly string[];
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
  quote(identifier: string): string;
  /** A select-list item as text. */
  text(expression: string): string;
  /** A select-list item of some text type, cut to so many letters. */
  shortText(expression: string, letters: number): string;
  /** A time as text; a column type that knows its instant gets an offset, others stay zoneless. */
  time(expression: string, type: string | undefined): string;
  /** Signed 64-bit hash of fields; NULLs are marked and fields told apart, so no two lists read alike. */
  hash(literals: readonly string[], fields: readonly string[]): string;
  bitXor(expression: string): string;
  /** floor(expression / size), also below zero. */
  bucket(expression: string, size: number): string;
  /** Ends a subquery whose columns are to be computed once each, before what is around it. */
  readonly fence: string;
  idIn(expression: string, ids: readonly string[]): string;
  page(parts: PageParts): string;
  /** Types of the given tables' columns as rows [table, column, type, readable ("1"/"0")]. */
  catalog(tables: readonly string[]): string;
  /** Major version that has every function used here; `null`: any that is still in use. */
  readonly oldest: number | null;
  /** One row: version, database. */
  readonly about: string;
  /** Rows [name, value] of whatever identifies the server and a plain role may read. */
  readonly system: string;
  /** One row, one text: equal only if nothing was committed in between; `null` where there is no such proof. */
  readonly changeToken: string | null;
  /** Whether a column type counts as an integer key. */
  isInteger(type: string): boolean;
}
