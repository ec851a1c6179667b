import { firstEvent } from "../../sql/state/insight_names.ts";
import { standings } from "../../sql/state/insights.ts";
import { CommandError, UsageError } from "../base/errors.ts";
import { type EpochMicros, formatUtc, fromInstant } from "../model/time.ts";
import type { Queryable } from "../state/state_db.ts";
import { localDay } from "../text/local_time.ts";
import { inHalves } from "./in_halves.ts";
import { type Insight, judge } from "./insight.ts";
import type { ScoreConstants } from "./score.ts";

/** A day as it ended, or as it is so far. */
export interface AsOf {
  /** ISO date. */
  readonly day: string;
  readonly timezone: string;
  /** What happened, and was seen, until then. */
  readonly known: EpochMicros;
}

const MICROS = 1;

/** The day that `day` names (`null`: today), up to now. Throws UsageError for a day to come. */
export function asOf(day: string | null, now: EpochMicros, timezone: string): AsOf {
  const today = localDay(now, timezone);
  const date = day === null ? today : parseDay(day, today);
  if (Temporal.PlainDate.compare(date, today) > 0) {
    throw new UsageError(`Cannot judge ${date}: that day is to come`, { hint: `Today is ${today} in ${timezone}` });
  }
  const end = fromInstant(date.add({ days: 1 }).toZonedDateTime(timezone).toInstant()) - MICROS;
  return { day: date.toString(), timezone, known: Math.min(end, now) };
}

/** Whether the day was judged as it ended, not as it is so far. */
export const dayIsOver = ({ day, timezone, known }: AsOf): boolean =>
  localDay(known + MICROS, timezone).toString() !== day;

function parseDay(text: string, today: Temporal.PlainDate): Temporal.PlainDate {
  const word = text.trim().toLowerCase();
  if (word === "today") return today;
  if (word === "yesterday") return today.subtract({ days: 1 });
  try {
    if (/^\d{4}-\d\d-\d\d$/.test(word) && !word.startsWith("0000")) return Temporal.PlainDate.from(word); // databases know no year 0
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new UsageError(`Cannot read the day: ${JSON.stringify(text.slice(0, 40))} is no date`, {
    hint: "Write a date (2026-11-20), today or yesterday",
  });
}

export interface InsightsRequest {
  readonly source: string;
  readonly at: AsOf;
  readonly course: string | null;
  readonly constants: ScoreConstants;
  /** Two questions at a time: of a server, outside a transaction. */
  readonly halves?: boolean;
}

/** Where everybody stands on a day, by what was known on it; by course, then by student. Throws CommandError before the first event. */
export async function readInsights(
  sql: Queryable,
  { source, at, course, constants, halves = false }: InsightsRequest,
): Promise<Insight[]> {
  const { day, timezone, known } = at;
  const asked = { source, until: formatUtc(known), seen: formatUtc(known), day, timezone, course };
  const rows = await inHalves((half) => standings(sql, { ...asked, half }), halves && course === null);
  if (rows.length === 0) await refuseNothing(sql, source, at);
  return judge(rows, constants);
}

async function refuseNothing(sql: Queryable, source: string, { day, timezone, known }: AsOf): Promise<void> {
  const [row] = await firstEvent(sql, source);
  const first = row?.first_at ?? null;
  if (first === null) {
    throw new CommandError(`Cannot judge anybody: the state has no event of "${source}"`, {
      hint: "nothing was polled yet",
    });
  }
  if (fromInstant(first) <= known) return;
  throw new CommandError(`Cannot judge ${day}: the first event of "${source}" is of a later day`, {
    hint: `the first day is ${localDay(fromInstant(first), timezone)}`,
  });
}
