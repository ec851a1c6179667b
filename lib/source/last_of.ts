import type { LmsId } from "../model/event.ts";
import type { RowPage } from "./lms_source.ts";
import { compareIds } from "./lms_values.ts";

/** The highest id of a page, readable or not; empty for an empty page. */
export function lastOf({ rows, bad }: RowPage): LmsId {
  const [good, other] = [rows.at(-1)?.id, bad.at(-1)?.id];
  if (good === undefined || other === undefined) return good ?? other ?? "";
  return compareIds(good, other) > 0 ? good : other;
}
