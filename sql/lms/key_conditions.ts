import { type Dialect, HIGHEST_ID, LOWEST_ID } from "./dialects/dialect.ts";

/** A column that keys are in, as a statement names it. */
export interface KeyColumn {
  /** Qualified and quoted. */
  readonly column: string;
  readonly type: string | undefined;
  readonly nullable: boolean;
}

const oddOf = (dialect: Dialect, { type }: KeyColumn) => dialect.oddKeys(type ?? "");

/** Leaves out numbers that are not whole: nothing where the type has none. Each condition begins with " and ". */
export function whole(dialect: Dialect, key: KeyColumn): string {
  return oddOf(dialect, key).fractions ? ` and ${key.column} = ${dialect.truncated(key.column)}` : "";
}

/** Leaves out numbers that no id can be, and nulls: nothing where the column has none, as nearly all have. */
export function held(dialect: Dialect, key: KeyColumn): string {
  const { column, nullable } = key;
  if (!oddOf(dialect, key).beyond) return nullable ? ` and ${column} is not null` : "";
  return ` and ${column} >= ${dialect.id(LOWEST_ID)} and ${column} <= ${HIGHEST_ID}${whole(dialect, key)}`;
}

/** Conditions of which one holds for each number that no id can be, and for nulls; empty where the column has none. */
export function oddConditions(dialect: Dialect, key: KeyColumn): string[] {
  const { column, nullable } = key;
  const { beyond, fractions } = oddOf(dialect, key);
  return [
    ...(beyond ? [`${column} > ${HIGHEST_ID}`, `${column} < ${dialect.id(LOWEST_ID)}`] : []),
    ...(fractions ? [`${column} <> ${dialect.truncated(column)}`] : []),
    ...(nullable ? [`${column} is null`] : []),
  ];
}

/** The two numbers of a pair are held from 0 to this. */
const LARGEST_PART = "2147483647";

/** Leaves out pairs of which a part cannot be held; begins with " and ". */
export function heldPair(dialect: Dialect, parts: readonly KeyColumn[]): string {
  return parts.map((part) => ` and ${part.column} >= 0 and ${part.column} <= ${LARGEST_PART}${whole(dialect, part)}`)
    .join("");
}

/** Conditions of which one holds for each part that cannot be held. */
export function oddPart(dialect: Dialect, part: KeyColumn): string[] {
  const { column, nullable } = part;
  return [
    `${column} < 0`,
    `${column} > ${LARGEST_PART}`,
    ...(oddOf(dialect, part).fractions ? [`${column} <> ${dialect.truncated(column)}`] : []),
    ...(nullable ? [`${column} is null`] : []),
  ];
}
