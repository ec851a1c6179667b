import type { StandingRow } from "../../sql/state/insights.ts";
import {
  type Band,
  bandOf,
  type Indicator,
  INDICATORS,
  median,
  type ScoreConstants,
  scoreOf,
  SMALLEST_COHORT,
  type Values,
} from "./score.ts";
import { reasonFor } from "./reasons.ts";

/** `quiet`: has stopped; `struggling`: is still here, and it does not go well. */
export type InsightList = "quiet" | "struggling";

/** A value; `null` where the source cannot say it. */
export type KnownValues = Readonly<Record<Indicator, number | null>>;

/** Where one student stands in one course, with the score and the reasons for it. */
export interface Insight {
  readonly student: string;
  readonly course: string;
  /** Null: on no list. */
  readonly list: InsightList | null;
  /** Null, like `z` and `p`: too few students for a score. */
  readonly band: Band | null;
  readonly z: number | null;
  readonly p: number | null;
  readonly values: KnownValues;
  readonly medians: KnownValues;
  /** What each value adds to the score beyond the course's median; the largest make the reasons. */
  readonly contributions: Values;
  readonly reasons: readonly string[];
  readonly cohort: number;
  readonly standing: StandingRow;
  /** The middle of the course, each number by itself; the same object for all its students. */
  readonly medianStanding: StandingRow;
}

/** What the source cannot say of a course: its due dates. */
const BY_DUE_DATES: readonly Indicator[] = ["miss_rate", "margin"];
/** Active within so long, the last due work handed in, and less than half of it missing: still here. */
const STILL_HERE_DAYS = 21;
const STILL_HERE_MISSED = 0.5;
const REASONS = 2;

/** Judges all students of all courses that the rows are of; the rows of a course must be whole, since medians are of all. Pure. */
export function judge(rows: readonly StandingRow[], constants: ScoreConstants): Insight[] {
  return [...Map.groupBy(rows, ({ course_id }) => course_id).values()].flatMap((course) =>
    judgeCourse(course, constants)
  );
}

function judgeCourse(rows: readonly StandingRow[], constants: ScoreConstants): Insight[] {
  const medians = valuesOf((name) => median(rows.map((row) => row[name])));
  const medianRow = medianStanding(rows);
  return rows.map((row): Insight => {
    const values = valuesOf((name) => row[name]);
    const known = (of: Values): KnownValues =>
      row.has_due_dates ? of : { ...of, ...Object.fromEntries(BY_DUE_DATES.map((name) => [name, null])) };
    const contributions = valuesOf((name) =>
      known(values)[name] === null ? 0 : constants.weights[name] * (values[name] - medians[name])
    );
    const scored = row.n_cohort < SMALLEST_COHORT ? null : scoreOf(values, constants);
    const band = scored === null ? null : bandOf(scored.p);
    return {
      student: row.student_id,
      course: row.course_id,
      list: band === null || band === "low" ? null : isStillHere(row) ? "struggling" : "quiet",
      band,
      z: scored?.z ?? null,
      p: scored?.p ?? null,
      values: known(values),
      medians: known(medians),
      contributions,
      reasons: scored === null
        ? [`too few students in the course for a score: ${row.n_cohort}, and ${SMALLEST_COHORT} are needed`]
        : byWeight(contributions, known(values)).slice(0, REASONS).map((name) => reasonFor(name, row, medianRow)),
      cohort: row.n_cohort,
      standing: row,
      medianStanding: medianRow,
    };
  });
}

/** How many students these are: who is in several courses is one. */
export const countStudents = (insights: readonly Pick<Insight, "student">[]): number =>
  new Set(insights.map(({ student }) => student)).size;

export function valuesOf(value: (name: Indicator) => number): Values {
  return Object.fromEntries(INDICATORS.map((name) => [name, value(name)])) as Record<Indicator, number>;
}

/** The largest first. What the source cannot say is no reason. */
function byWeight(contributions: Values, known: KnownValues): Indicator[] {
  return INDICATORS.filter((name) => known[name] !== null).sort((a, b) => contributions[b] - contributions[a]);
}

/** What a value is about: two of one sort often say nearly the same. */
const ABOUT: Readonly<Record<Indicator, "activity" | "work" | "marks">> = {
  idle: "activity",
  p_active: "activity",
  p_breadth: "activity",
  miss_rate: "work",
  p_sub: "work",
  margin: "work",
  p_score: "marks",
};

/** For a message of few words: the largest reason, and the largest that is about something else, where that adds to the score at all. */
export function differentReasons(
  { contributions, values, reasons, standing, medianStanding }: Insight,
): readonly string[] {
  const [first, ...others] = byWeight(contributions, values);
  const second = others.find((name) => first !== undefined && ABOUT[name] !== ABOUT[first] && contributions[name] > 0);
  if (first === undefined || second === undefined) return reasons;
  return [first, second].map((name) => reasonFor(name, standing, medianStanding));
}

/** The middle of what words are made of: each number by itself. */
function medianStanding(rows: readonly StandingRow[]): StandingRow {
  const [first] = rows;
  if (first === undefined) throw new RangeError("Cannot take the medians of no rows");
  const of = (value: (row: StandingRow) => number) => median(rows.map(value));
  return {
    ...first,
    idle_days: Math.round(of(({ idle_days }) => idle_days ?? Infinity)),
    active_days: of(({ active_days }) => active_days),
    contents: of(({ contents }) => contents),
    submitted: of(({ submitted }) => submitted),
    missed: of(({ missed }) => missed),
    p_score: of(({ p_score }) => p_score),
    margin: of(({ margin }) => margin),
  };
}

/** Whether a student still takes part: a call helps most where somebody answers it. */
export function isStillHere({ idle_days, miss_rate, last_due_submitted }: StandingRow): boolean {
  return idle_days !== null && idle_days <= STILL_HERE_DAYS && last_due_submitted !== false &&
    miss_rate < STILL_HERE_MISSED;
}
