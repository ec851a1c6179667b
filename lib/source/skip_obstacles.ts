import type { CellRow } from "./lms_driver.ts";

const KINDS: Readonly<Record<string, string>> = {
  v: "a view",
  f: "a foreign table",
};
/** Relations whose contents change by commits of this server only: (partitioned) tables, with what is below them, and materialized views. */
const HELD_HERE = new Set(["r", "p", "m"]);

/**
 * Why an unchanged change token does not prove that these relations (`Dialect.relations`) read as before; none when it does.
 * The token speaks of commits on this server. A foreign table's rows are committed elsewhere; a view may ask the clock, and
 * what it reads may be anything; row security may depend on both.
 */
export function skipObstacles(relations: readonly CellRow[]): string[] {
  const found = relations.flatMap((row) => {
    const obstacle = obstacleOf(row);
    if (obstacle === null) return [];
    const [name, , , , , relation] = row;
    return [
      name === relation ? `"${name}" ${obstacle}` : `"${name}" has a partition or child "${relation}" that ${obstacle}`,
    ];
  });
  return found.sort();
}

function obstacleOf([, kind, persistence, rowSecurity, method]: CellRow): string | null {
  if (kind == null || !HELD_HERE.has(kind)) return `is ${KINDS[kind ?? ""] ?? `no table (kind "${kind}")`}`;
  if (persistence === "t") return "is a temporary table";
  if (rowSecurity !== "0") return "has row-level security";
  // Another storage may have commits of its own, of which PostgreSQL's snapshots know nothing.
  if (kind !== "p" && method !== "heap") return `is stored by "${method}"`;
  return null;
}
