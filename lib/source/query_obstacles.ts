import type { Dialect } from "../../sql/lms/dialects/dialect.ts";
import type { LmsSession } from "./lms_driver.ts";
import { skipObstacles } from "./skip_obstacles.ts";

/** Words that mean the time of the query, or what depends on a zone. */
const CLOCK =
  /\b(current_date|current_time|current_timestamp|localtime|localtimestamp|at\s+time\s+zone|(?:date|time|timestamp|timestamptz|timetz)\s*'|cast\s*\([^)]*\bas\s+(?:date|time|timestamp|timestamptz|timetz)\b)|::\s*(?:date|time|timestamp|timestamptz|timetz)\b/i;
/** A text that becomes a time when it is compared with one. */
const MOVING_TEXT = /'[^']*\b(?:now|today|tomorrow|yesterday)\b[^']*'/i;

/**
 * Why an unchanged change token does not prove that these queries read as before; none when it does. As careful as it is simple: whatever it
 * does not know for sure is an obstacle, and costs a full pass.
 */
export async function queryObstacles(
  session: LmsSession,
  dialect: Dialect,
  queries: readonly { readonly what: string; readonly from: string }[],
): Promise<string[]> {
  const { relations, volatility } = dialect;
  if (relations === null || volatility === null) return ["this database says nothing of functions"];
  const found: string[] = [];
  const names = new Set<string>();
  for (const { what, from } of queries) {
    // In comments and texts as well: a word that means nothing there costs a full pass, one that is overlooked costs an event.
    const clock = CLOCK.exec(from)?.[0] ?? (MOVING_TEXT.test(from) ? "a text that means a day" : null);
    if (clock !== null) found.push(`the ${what} query has ${clock.trim()}`);
    // Of text with something else, this operator depends on the session.
    if (from.includes("||")) found.push(`the ${what} query has ||`);
    for (const [, name] of from.matchAll(/([A-Za-z_]\w*)/g)) names.add(name ?? "");
    for (const [, name] of from.matchAll(/"((?:[^"]|"")+)"/g)) names.add(name?.replaceAll('""', '"') ?? "");
  }
  const list = [...names].flatMap((name) => name === name.toLowerCase() ? [name] : [name, name.toLowerCase()]);
  if (list.length === 0) return found;
  const known = await session.rows(volatility(list));
  const ofSort = (wanted: string) => known.flatMap(([sort, name]) => sort === wanted ? [name ?? ""] : []);
  const functions = ofSort("function"), schemas = ofSort("schema");
  for (const { what, from } of queries) {
    for (const name of functions) {
      if (new RegExp(`(?<![\\w.])"?${name}"?\\s*\\(`, "i").test(from)) {
        found.push(`the ${what} query calls ${name}(), which is not immutable`);
      }
    }
    for (const name of schemas) {
      if (new RegExp(`(?<![\\w.])"?${name}"?\\s*\\.\\s*"?[A-Za-z_]`, "i").test(from)) {
        found.push(`the ${what} query names schema ${name}`);
      }
    }
  }
  return [...found, ...skipObstacles(await session.rows(relations(list)))];
}
