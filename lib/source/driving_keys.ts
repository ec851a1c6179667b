import type { Key, KeyRange, QueryKind } from "../../sql/lms/query_kind.ts";
import type { LmsId } from "../model/event.ts";
import { type KeyForm, LOWEST_TEXT } from "../model/key_space.ts";
import type { CellRow } from "./lms_driver.ts";
import type { QuerySession } from "./query_access.ts";
import { compareIds, readId } from "./lms_values.ts";
import { boundedBy, compareKeys, distinctKeys, isWhole } from "./query_keys.ts";

/** A key as a driving table writes it; numbers in their one form: a decimal column writes 7.00, one with ZEROFILL 007. */
const keyOf = (form: KeyForm) => (cells: CellRow): Key =>
  cells.map((cell) => form === "text" ? cell ?? "" : readId(cell) ?? cell ?? "");

/** Keys out of rows that have nothing else, each once: those that an id can be. */
export const heldKeys = (form: KeyForm, rows: readonly CellRow[]): Key[] =>
  distinctKeys(rows.map(keyOf(form))).filter((key) => form === "text" ? key[0] !== "" : isWhole(key));

/** Keys of all driving tables in a range, ascending, each once, at most so many; `more`: there may be others after them. */
export async function drivingKeys(
  form: KeyForm,
  session: QuerySession,
  sql: QueryKind,
  range: KeyRange,
  limit: number,
): Promise<{ readonly keys: readonly Key[]; readonly more: boolean }> {
  const lists: Key[][] = [];
  for (const query of sql.keysAfter(range, limit)) lists.push((await session.rows(query)).map(keyOf(form)));
  const isCut = lists.some((keys) => keys.length === limit);
  if (form === "text") return { keys: distinctKeys(lists.flat()), more: isCut };
  const merged = boundedBy(distinctKeys(lists.flat().filter(isWhole)).sort(compareKeys), lists, limit);
  return { keys: merged.slice(0, limit), more: isCut || merged.length > limit };
}

/** The key after which so many rows of a driving table came; `null` when there are fewer. */
export async function edgeOf(
  form: KeyForm,
  session: QuerySession,
  sql: QueryKind,
  range: KeyRange,
  rows: number,
): Promise<Key | null> {
  const edges: Key[] = [];
  for (const query of sql.keysAfter(range, 1, rows - 1)) {
    const [row] = await session.rows(query);
    if (row !== undefined) edges.push(row.map((cell) => cell ?? ""));
  }
  return form === "text" ? edges[0] ?? null : edges.sort(compareKeys)[0] ?? null;
}

/** The smallest whole number that a driving table has in a range; `null` where there is none. */
export async function firstWholeFrom(session: QuerySession, sql: QueryKind, range: KeyRange): Promise<LmsId | null> {
  const ids: LmsId[] = [];
  for (const query of sql.firstKey(range)) {
    const [row] = await session.rows(query);
    const id = readId(row?.[0]);
    if (id) ids.push(id);
  }
  return ids.sort(compareIds)[0] ?? null;
}

/** Keys of what was written last, each once; `more`: there may be older ones. */
export async function newestKeys(
  form: KeyForm,
  session: QuerySession,
  sql: QueryKind,
  limit: number,
  skip: number,
): Promise<{ readonly keys: readonly Key[]; readonly more: boolean }> {
  const query = sql.newestKeys(limit, skip);
  const found = query === null ? [] : await session.rows(query);
  return { keys: heldKeys(form, found), more: found.length === limit };
}

/** Ids of texts lie anywhere: all of them are looked at together, once, from the lowest that there can be. */
export async function firstTextFrom(from: LmsId, session: QuerySession, sql: QueryKind): Promise<LmsId | null> {
  if (BigInt(from) > LOWEST_TEXT) return null;
  const { keys } = await drivingKeys("text", session, sql, { from: null, fromItself: false, to: null }, 1);
  return keys.length === 0 ? null : String(LOWEST_TEXT);
}
