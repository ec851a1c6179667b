/**
 * Statements that fill a pretended LMS, for the demo, `replay` and tests. Nothing of the program proper imports this: a
 * real LMS is only ever read.
 */
export type WriteDialect = "postgres" | "mysql";
export type WriteValue = string | number | bigint | boolean | null;
export type WriteRow = Readonly<Record<string, WriteValue>>;

function name(dialect: WriteDialect, identifier: string): string {
  return dialect === "postgres" ? `"${identifier}"` : `\`${identifier}\``;
}

function literal(dialect: WriteDialect, value: WriteValue): string {
  if (value === null) return "null";
  if (typeof value !== "string") return String(value);
  const text = dialect === "mysql" ? value.replaceAll("\\", "\\\\") : value;
  return `'${text.replaceAll("'", "''")}'`;
}

/** One insert; every row must have the columns of the first. */
export function insertStatement(dialect: WriteDialect, table: string, rows: readonly WriteRow[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const values = rows.map((row) => `(${columns.map((c) => literal(dialect, row[c] ?? null)).join(", ")})`);
  return `insert into ${name(dialect, table)} (${columns.map((c) => name(dialect, c)).join(", ")}) values ${
    values.join(", ")
  }`;
}

export function updateStatement(dialect: WriteDialect, table: string, key: WriteRow, values: WriteRow): string {
  const assign = (row: WriteRow, glue: string) =>
    Object.entries(row).map(([c, v]) => `${name(dialect, c)} = ${literal(dialect, v)}`).join(glue);
  return `update ${name(dialect, table)} set ${assign(values, ", ")} where ${assign(key, " and ")}`;
}

export function deleteStatement(dialect: WriteDialect, table: string, key: WriteRow): string {
  const where = Object.entries(key).map(([c, v]) => `${name(dialect, c)} = ${literal(dialect, v)}`).join(" and ");
  return `delete from ${name(dialect, table)} where ${where}`;
}
