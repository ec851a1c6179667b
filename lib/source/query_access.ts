import { keyColumns, type KindPreset } from "../../sql/lms/preset.ts";
import type { QueryKind } from "../../sql/lms/query_kind.ts";
import type { LmsId } from "../model/event.ts";
import { type KeyForm, LOWEST_PAIR, LOWEST_TEXT } from "../model/key_space.ts";
import { HIGHEST_ID } from "../model/lms_ids.ts";
import type { KnownActivities } from "./activities.ts";
import type { CellRow, LmsSession } from "./lms_driver.ts";
import type { LmsKeys } from "./lms_keys.ts";
import type { RowPage } from "./lms_source.ts";

export interface QuerySession extends Pick<LmsSession, "rows"> {
  /** Makes rows of cells, with what they are about. */
  page(cells: readonly CellRow[], known?: KnownActivities): Promise<RowPage>;
}

/** What the rows of a kind's query are read with. */
export interface QueryAccess {
  /** One read-only transaction. */
  read<T>(work: (session: QuerySession, sql: QueryKind) => Promise<T>): Promise<T>;
  /** The statements, where the tables have been looked at. */
  sql(): QueryKind | null;
  readonly keys: LmsKeys;
}

/** What the keys of a kind are. */
export function keyFormOf(kind: KindPreset): KeyForm {
  if (keyColumns(kind.key).length > 1) return "pair";
  return (kind.keyType ?? "integer") === "integer" ? "integer" : "text";
}

/** Stands for the end of a page whose last key no id can be: it is found again as the page's end, whatever it is. */
export const NO_ID: Readonly<Record<KeyForm, LmsId>> = {
  integer: HIGHEST_ID,
  pair: String(LOWEST_PAIR),
  text: String(LOWEST_TEXT),
};
