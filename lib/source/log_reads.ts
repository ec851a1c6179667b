import { integer } from "../../sql/lms/queries.ts";
import type { LogQuery } from "../../sql/lms/log_query.ts";
import type { AttemptRow } from "../model/attempt.ts";
import type { LmsId } from "../model/event.ts";
import { type EpochMicros, MICROS_PER_SECOND } from "../model/time.ts";
import type { Cell, CellRow } from "./lms_driver.ts";
import type { LmsLog, LogPage } from "./lms_log.ts";
import { readId } from "./lms_values.ts";
import { type QuerySession } from "./query_access.ts";

/** What the log of a kind is read with. */
export interface LogAccess {
  /** One read-only transaction; `sql` is null where there is no log that can be read. */
  read<T>(work: (session: QuerySession, sql: LogQuery | null) => Promise<T>): Promise<T>;
  /** The id of the row that a line is about. */
  idOf(key: Cell | undefined): LmsId | null | undefined;
}

const NOTHING: LogPage = {
  seen: [],
  linesOf: () => Promise.resolve([]),
  touched: [],
  last: null,
  full: false,
  settled: null,
};
/** A line that claims to be written later than this is taken for an old one. */
const FUTURE_US: EpochMicros = 86_400 * MICROS_PER_SECOND;

/** The log of an LMS behind SQL; see LmsLog. */
export function logReads(access: LogAccess): LmsLog {
  return {
    span: () =>
      access.read(async (session, sql) => {
        if (sql === null) return null;
        const [row] = await session.rows(sql.span());
        const [lowest, highest] = [readId(row?.[0]), readId(row?.[1])];
        return lowest && highest ? { lowest, highest } : "empty";
      }),
    after: (id, limit, young) =>
      access.read(async (session, sql) => {
        if (sql === null) return NOTHING;
        const after = id === null ? null : integer(id);
        const [row] = await session.rows(sql.stretch(after, limit, seconds(young), seconds(young + FUTURE_US)));
        const last = readId(row?.[0]);
        if (!last) return NOTHING;
        const lines = inOrder(await session.rows(sql.lines(after, last)));
        const first = firstLines(access, lines.filter(([, seen]) => seen === "1"));
        return {
          seen: [...first.keys()],
          linesOf: (ids) =>
            ids.size === 0 ? Promise.resolve([]) : access.read((session) => rowsOfLines(session, first, ids)),
          touched: [...new Set(lines.flatMap(([, seen, key]) => seen === "1" ? [] : access.idOf(key) ?? []))],
          last,
          full: Number(row?.[1]) >= limit,
          settled: settledBefore(readId(row?.[2]) ?? null, readId(row?.[3]) ?? null, after),
        };
      }),
  };
}

/**
 * Lines get their numbers before they are written, so between the last old line and the first young one there may be some that
 * nobody sees yet. Where an old line stands behind a young one, only what was before the young one is settled.
 */
function settledBefore(firstYoung: LmsId | null, lastOld: LmsId | null, after: LmsId | null): LmsId | null {
  if (firstYoung === null) return null;
  return lastOld !== null && BigInt(lastOld) < BigInt(firstYoung) ? lastOld : after ?? "0";
}

const seconds = (time: EpochMicros) => String(Math.floor(time / MICROS_PER_SECOND));

const inOrder = (lines: readonly CellRow[]) => lines.toSorted(([a], [b]) => BigInt(a ?? 0) < BigInt(b ?? 0) ? -1 : 1);

/** The first line of each row, in the log's order: what came later changes nothing about when somebody was first there. */
function firstLines(access: LogAccess, lines: readonly CellRow[]): Map<LmsId, CellRow> {
  const first = new Map<LmsId, CellRow>();
  for (const [, , key, ...rest] of lines) {
    const id = access.idOf(key);
    if (id && !first.has(id)) first.set(id, [key ?? null, ...rest]);
  }
  return first;
}

async function rowsOfLines(
  session: QuerySession,
  first: ReadonlyMap<LmsId, CellRow>,
  ids: ReadonlySet<LmsId>,
): Promise<AttemptRow[]> {
  const wanted = [...first].filter(([id]) => ids.has(id));
  const { rows } = await session.page(wanted.map(([, line]) => line));
  const byId = new Map(rows.map((row) => [row.id, row]));
  return wanted.flatMap(([id]) => {
    const row = byId.get(id);
    return row === undefined ? [] : [{ ...row, hash: null }];
  });
}
