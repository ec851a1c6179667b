import type { Dialect } from "../../sql/lms/dialects/dialect.ts";

/** What a server plans to do for a statement, as far as that matters here. */

export const explained = (dialect: Dialect, query: string): string =>
  dialect.name === "postgres" ? `explain (format text) ${query}` : `explain ${query}`;

/** Rows that a plan reads by the server's own guess. */
export function rowsRead(dialect: Dialect, plan: readonly (readonly (string | null)[])[]): number {
  if (dialect.name === "mysql") {
    return Math.max(
      0,
      ...plan.map((row) => Number(row[row.length - 2] ?? row[row.length - 3] ?? 0) || 0),
    );
  }
  return Math.max(
    0,
    ...plan.flatMap(([line]) => [...(line ?? "").matchAll(/rows=(\d+)/g)].map(([, rows]) => Number(rows))),
  );
}

export function isSorted(dialect: Dialect, plan: readonly (readonly (string | null)[])[]): boolean {
  return dialect.name === "mysql"
    ? plan.some((row) => row.some((cell) => /filesort/.test(cell ?? "")))
    : plan.some(([line]) => /\b(Sort|Seq Scan)\b/.test(line ?? ""));
}
