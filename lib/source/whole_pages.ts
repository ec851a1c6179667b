import type { LmsQueries } from "../../sql/lms/queries.ts";
import { LmsError } from "../base/errors.ts";
import type { LmsId } from "../model/event.ts";
import type { Kind } from "../model/event_types.ts";
import { HIGHEST_ID } from "../model/lms_ids.ts";
import type { LmsSession } from "./lms_driver.ts";
import type { RowPage } from "./lms_source.ts";
import { compareIds } from "./lms_values.ts";

/** So many looks at rows when fewer come than are counted: tables without transactions move between two statements. */
export const LOOKS = 3;

/** Fewer rows came than the LMS counts in the same snapshot. */
export function shortfall(came: string, counted: number): LmsError {
  return new LmsError("failed", `Cannot read the LMS whole: ${came} came, and ${counted} are counted`, {
    hint:
      "Something between lmsmon and the tables cuts results short: a limit of the server, of the role or of a proxy, " +
      "or a damaged index",
  });
}

/**
 * Up to `limit` rows after an id. A page that is not full ends a pass, so it is asked in the same snapshot whether a row comes after
 * it; then reading goes on. Throws LmsError when rows that are there do not come.
 */
export async function wholePage(
  session: LmsSession,
  queries: LmsQueries,
  kind: Kind,
  limit: number,
  after: LmsId | null,
  read: (after: LmsId | null, limit: number) => Promise<RowPage>,
): Promise<RowPage> {
  let whole = await read(after, limit);
  while (true) {
    const count = whole.rows.length + whole.bad.length;
    const last = lastOf(whole);
    if (count === 0 || count >= limit || last === HIGHEST_ID) return whole;
    const [next] = await session.rows(queries.firstIdFrom(kind, String(BigInt(last) + 1n)));
    if (next?.[0] === null || next?.[0] === undefined) return whole;
    const { rows, bad } = await read(last, limit - count);
    if (rows.length + bad.length === 0) throw shortfall(`no row of ${kind} attempts after id ${last}`, 1);
    whole = { rows: [...whole.rows, ...rows], bad: [...whole.bad, ...bad] };
  }
}

/** Rows by their ids, as many as the same snapshot counts: one that does not come would pass for one that is gone. */
export async function wholeChunk(
  kind: Kind,
  read: () => Promise<{ readonly page: RowPage; readonly came: number; readonly counted: number }>,
): Promise<RowPage> {
  for (let look = 1;; look++) {
    const { page, came, counted } = await read();
    if (came >= counted) return page;
    if (look === LOOKS) throw shortfall(`${came} rows of ${kind} attempts by id`, counted);
  }
}

/** The highest id of a page, readable or not; empty for an empty page. */
export function lastOf({ rows, bad }: RowPage): LmsId {
  const [good, other] = [rows.at(-1)?.id, bad.at(-1)?.id];
  if (good === undefined || other === undefined) return good ?? other ?? "";
  return compareIds(good, other) > 0 ? good : other;
}
