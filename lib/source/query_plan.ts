import type { Dialect } from "../../sql/lms/dialects/dialect.ts";
import { errorCode } from "../base/database_errors.ts";
import type { CellRow, LmsSession } from "./lms_driver.ts";

/** What a server plans to do for a statement, as far as that matters here. */

/** `null` where the server shows none to this role: MySQL and MariaDB explain a view only to who may see how it is made. */
export async function planOf(
  session: Pick<LmsSession, "rows">,
  dialect: Dialect,
  query: string,
): Promise<readonly CellRow[] | null> {
  try {
    return await session.rows(explained(dialect, query));
  } catch (error) {
    if (errorCode(error) === "ER_VIEW_NO_EXPLAIN") return null;
    throw error;
  }
}

const explained = (dialect: Dialect, query: string): string =>
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
