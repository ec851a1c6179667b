import { auc, calibrationError, type Judged, precisionAt, recallAt } from "./measures.ts";
import { type Insight, isStillHere } from "./insight.ts";

/** What is held against what became of the students; `null`: it cannot be said of so few. */
export interface Measures {
  readonly n: number;
  readonly failed: number;
  readonly auc: number | null;
  readonly p10: number | null;
  readonly p20: number | null;
  /** Of those who failed, how many were in a band, watch or high. */
  readonly recall: number | null;
  readonly ece: number | null;
  /** The same order by the lowest average mark so far; nobody's marks are the lowest. */
  readonly lowest_average_auc: number | null;
  /** The same order by whether there was any activity in the last 14 days. */
  readonly silent_14_auc: number | null;
  /** Those who still take part. */
  readonly here_n: number;
  readonly here_auc: number | null;
  readonly here_p10: number | null;
  readonly here_lowest_average_auc: number | null;
  readonly here_lowest_average_p10: number | null;
}

/** Somebody who was judged, and what became of them. */
export interface Outcome {
  readonly insight: Insight;
  readonly failed: boolean;
}

const SILENT_DAYS = 14;

/** Measures a day's insights; those without a score are left out. Pure. */
export function measure(outcomes: readonly Outcome[]): Measures {
  const scored = outcomes.filter(({ insight }) => insight.p !== null);
  const by = (list: readonly Outcome[], score: (insight: Insight) => number): Judged[] =>
    list.map(({ insight, failed }) => ({ score: score(insight), failed }));
  const risk = by(scored, ({ p }) => p ?? 0);
  const here = scored.filter(({ insight }) => isStillHere(insight.standing));
  return {
    n: scored.length,
    failed: scored.filter(({ failed }) => failed).length,
    auc: auc(by(scored, ({ z }) => z ?? 0)),
    p10: precisionAt(by(scored, ({ z }) => z ?? 0), 0.1),
    p20: precisionAt(by(scored, ({ z }) => z ?? 0), 0.2),
    recall: recallAt(risk, 0.5),
    ece: calibrationError(risk),
    lowest_average_auc: auc(by(scored, lowestAverage)),
    silent_14_auc: auc(by(scored, silent)),
    here_n: here.length,
    here_auc: auc(by(here, ({ z }) => z ?? 0)),
    here_p10: precisionAt(by(here, ({ z }) => z ?? 0), 0.1),
    here_lowest_average_auc: auc(by(here, lowestAverage)),
    here_lowest_average_p10: precisionAt(by(here, lowestAverage), 0.1),
  };
}

const lowestAverage = ({ standing }: Insight) => -(standing.average ?? 0);
const silent = ({ standing }: Insight) => (standing.idle_days ?? Infinity) >= SILENT_DAYS ? 1 : 0;
