import mysql from "mysql2";

/** What the MySQL protocol says of a column. */
export interface MysqlField {
  readonly columnType?: number | undefined;
  readonly flags?: unknown;
  readonly characterSet?: number | undefined;
  readonly decimals?: number | undefined;
}

const UNSIGNED = 32;
const BINARY_CHARSET = 63;
const NAMES: ReadonlyMap<number, string> = new Map([
  [mysql.Types.TINY, "tinyint"],
  [mysql.Types.SHORT, "smallint"],
  [mysql.Types.INT24, "mediumint"],
  [mysql.Types.LONG, "int"],
  [mysql.Types.LONGLONG, "bigint"],
  [mysql.Types.DECIMAL, "decimal"],
  [mysql.Types.NEWDECIMAL, "decimal"],
  [mysql.Types.FLOAT, "float"],
  [mysql.Types.DOUBLE, "double"],
  [mysql.Types.TIMESTAMP, "timestamp"],
  [mysql.Types.DATETIME, "datetime"],
  [mysql.Types.DATE, "date"],
  [mysql.Types.TIME, "time"],
  [mysql.Types.YEAR, "year"],
  [mysql.Types.BIT, "bit"],
]);

/** A column's type as information_schema calls it, near enough to choose how it is read. */
export function mysqlType({ columnType, flags, characterSet, decimals }: MysqlField): string {
  const name = NAMES.get(columnType ?? -1) ?? (characterSet === BINARY_CHARSET ? "binary" : "varchar");
  if (name === "decimal" && decimals === 0) return "decimal whole";
  return name === "bigint" && typeof flags === "number" && (flags & UNSIGNED) !== 0 ? "bigint unsigned" : name;
}
