import { shareErasures } from "../../sql/state/erasures.ts";
import * as q from "../../sql/state/patterns.ts";
import { readFact, writeFact } from "../../sql/state/facts.ts";
import { z } from "zod";
import type { Kind } from "../model/event_types.ts";
import { type EpochMicros, formatUtc, fromInstant, toInstant } from "../model/time.ts";
import { arrayLiteral, numberArrayLiteral } from "../state/array_literal.ts";
import { fenced } from "../state/fenced.ts";
import { refreshCourseStatistics } from "../state/statistics.ts";
import type { Lease } from "../state/leases.ts";
import type { Queryable, StateDb } from "../state/state_db.ts";
import { inHalves } from "./in_halves.ts";
import { COOL_DOWN_DAYS, type DayOfPatterns, type Finding, judgePatterns } from "./patterns.ts";

/** When days are judged. */
export interface PatternTimes {
  /** Minutes after midnight from which on the day before is judged; `null`: never. */
  readonly at: number | null;
  readonly timezone: string;
}

/** The fact that says which day was judged last. */
const FACT = "patterns";
const ReadFact = z.object({ day: z.iso.date() });
/** Days that nobody judged since nothing ran: so many of the last are judged later. */
const MOST_MISSED_DAYS = 3;

/** Days that are to be judged now, the earliest first: each is over, and its turn has come. Pure. */
export function daysToJudge(now: EpochMicros, last: string | null, { at, timezone }: PatternTimes): string[] {
  if (at === null) return [];
  const local = toInstant(now).toZonedDateTimeISO(timezone);
  const hasCome = local.hour * 60 + local.minute >= at;
  const newest = local.toPlainDate().subtract({ days: hasCome ? 1 : 2 });
  const earliest = newest.subtract({ days: last === null ? 0 : MOST_MISSED_DAYS - 1 });
  const next = last === null ? earliest : Temporal.PlainDate.from(last).add({ days: 1 });
  let day = Temporal.PlainDate.compare(next, earliest) > 0 ? next : earliest;
  const days: string[] = [];
  for (; Temporal.PlainDate.compare(day, newest) <= 0; day = day.add({ days: 1 })) days.push(day.toString());
  return days;
}

export interface FoundPatterns {
  readonly day: string;
  readonly found: number;
  readonly history: number;
  readonly withdrawn: number;
}

/**
 * Judges each day that is over and was not judged yet, and keeps what was found: once a day, since whoever polls holds the lease. To be
 * called after a poll, so that what happened while nothing ran is known.
 */
export async function findPatterns(
  db: Pick<StateDb, "sql" | "mode">,
  lease: Lease,
  now: EpochMicros,
  times: PatternTimes,
  signal: AbortSignal,
): Promise<FoundPatterns[]> {
  if (times.at === null) return [];
  const { source } = lease;
  const [fact] = await readFact(db.sql, source, FACT);
  const last = ReadFact.safeParse(fact?.value).data?.day ?? null;
  const results: FoundPatterns[] = [];
  const days = daysToJudge(now, last, times);
  if (days.length > 0) await refreshCourseStatistics(db); // without them a first search took 25 s instead of 1 (tried)
  for (const day of days) {
    signal.throwIfAborted();
    const { decided, courses } = await judgeDay(db.sql, {
      source,
      day,
      timezone: times.timezone,
      seen: now,
      halves: db.mode === "server",
    });
    results.push(await keep(db, lease, { day, now, decided, courses }));
  }
  return results;
}

export interface PatternDay {
  readonly source: string;
  /** ISO date. */
  readonly day: string;
  readonly timezone: string;
  /** What was detected until then counts. */
  readonly seen: EpochMicros;
  /** Two questions at a time: of a server, outside a transaction. */
  readonly halves?: boolean;
}

/** What a day has that the days before had not, by what happened until its end; nothing is written. */
export async function judgeDay(
  sql: Queryable,
  { source, day, timezone, seen, halves = false }: PatternDay,
): Promise<{ readonly decided: DayOfPatterns; readonly courses: readonly string[] }> {
  const end = Temporal.PlainDate.from(day).add({ days: 1 }).toZonedDateTime(timezone).toInstant();
  const until = formatUtc(fromInstant(end) - 1);
  const passes = await q.workPassed(sql, source);
  const passedAt = (kind: Kind) => passes.find((pass) => pass.kind === kind)?.passed_at?.toString() ?? "-infinity";
  const asked = { source, until, seen: formatUtc(seen), day, timezone, course: null };
  const passed = { exam: passedAt("exam"), assignment: passedAt("assignment") };
  const facts = await inHalves((half) => q.patternFacts(sql, { ...asked, half }, passed), halves);
  const known = await q.knownPatterns(sql, source, day, COOL_DOWN_DAYS);
  return {
    decided: judgePatterns(facts, [...known]),
    courses: [...new Set(facts.map(({ course_id }) => course_id))],
  };
}

interface JudgedDay {
  readonly day: string;
  readonly now: EpochMicros;
  readonly decided: DayOfPatterns;
  readonly courses: readonly string[];
}

/** One transaction under the lease: the day is judged, or it is not. */
async function keep(
  db: Pick<StateDb, "sql">,
  lease: Lease,
  { day, now, decided, courses }: JudgedDay,
): Promise<FoundPatterns> {
  const { source } = lease;
  const { found, ended, withdrawn } = decided;
  return await fenced(db, lease, async (tx) => {
    await shareErasures(tx);
    const known = new Set((await q.evaluatedCourses(tx, source)).map(({ course_id }) => course_id));
    await q.closePatterns(tx, day, numberArrayLiteral(ended), numberArrayLiteral(withdrawn));
    await q.insertPatterns(tx, source, day, formatUtc(now), columnsOf(found, day, known));
    await q.noteCourses(tx, source, day, numberArrayLiteral(courses));
    await writeFact(tx, source, FACT, JSON.stringify({ day }));
    const history = found.filter(({ course }) => !known.has(course)).length;
    return { day, found: found.length - history, history, withdrawn: withdrawn.length };
  });
}

function columnsOf(found: readonly Finding[], day: string, known: ReadonlySet<string>): q.FoundColumns {
  const date = Temporal.PlainDate.from(day);
  return {
    students: numberArrayLiteral(found.map(({ student }) => student)),
    courses: numberArrayLiteral(found.map(({ course }) => course)),
    types: arrayLiteral(found.map(({ type }) => type)),
    sinces: arrayLiteral(found.map(({ sinceDaysAgo }) => date.subtract({ days: sinceDaysAgo }).toString())),
    histories: numberArrayLiteral(found.map(({ course }) => known.has(course) ? "f" : "t")),
    evidence: arrayLiteral(
      found.map(({ eventIds, activities, values }) =>
        JSON.stringify({
          event_ids: eventIds,
          activity_ids: activities.map(({ id }) => id),
          values: {
            ...values,
            ...activities.length === 0 ? {} : { activity_kinds: activities.map(({ kind }) => kind) },
          },
        })
      ),
    ),
  };
}
