import { integer } from "../../sql/lms/queries.ts";
import type { LmsId } from "../model/event.ts";
import { compareIds } from "./lms_values.ts";

/** The same list by ascending id, sorted only where it is not yet. */
export function ascending<T extends { readonly id: LmsId }>(rows: T[]): T[] {
  for (let i = 1; i < rows.length; i++) {
    const before = rows[i - 1], row = rows[i];
    if (before && row && compareIds(before.id, row.id) > 0) return rows.sort((a, b) => compareIds(a.id, b.id));
  }
  return rows;
}

/** Each id once, ascending. */
export function distinct(ids: readonly LmsId[]): LmsId[] {
  return [...new Set(ids.map(integer))].sort(compareIds);
}

/** A list in parts of at most `size`. */
export function* chunks<T>(list: readonly T[], size: number): Iterable<T[]> {
  for (let i = 0; i < list.length; i += size) yield list.slice(i, i + size);
}
