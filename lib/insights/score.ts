/** The seven values that the score is made of; ranks (`p_…`) are within the course, from 0 to 1. */
export const INDICATORS = ["idle", "p_active", "p_breadth", "miss_rate", "p_sub", "p_score", "margin"] as const;
export type Indicator = (typeof INDICATORS)[number];
export type Values = Readonly<Record<Indicator, number>>;

/** What makes a score of the values: a plain logistic regression. */
export interface ScoreConstants {
  /** Names them in every result. */
  readonly version: string;
  readonly intercept: number;
  readonly weights: Values;
}

/** Chosen on three modules of the Open University, and held against others (docs/insights.md). */
export const DEFAULT_CONSTANTS: ScoreConstants = {
  version: "oulad-1",
  intercept: 2.0,
  weights: { idle: 0.08, p_active: -1.1, p_breadth: -0.5, miss_rate: 2.4, p_sub: -1.5, p_score: -2.8, margin: -0.7 },
};

/** Fewer students in a course make ranks that say nothing. */
export const SMALLEST_COHORT = 30;

export type Band = "high" | "watch" | "low";
const HIGH = 0.75;
const WATCH = 0.5;

export function bandOf(p: number): Band {
  return p >= HIGH ? "high" : p >= WATCH ? "watch" : "low";
}

/** The score and its place between 0 and 1. */
export function scoreOf(values: Values, { intercept, weights }: ScoreConstants): { z: number; p: number } {
  const z = INDICATORS.reduce((sum, name) => sum + weights[name] * values[name], intercept);
  return { z, p: 1 / (1 + Math.exp(-z)) };
}

/** The middle of some numbers; of none, 0. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0, high = sorted[Math.ceil((sorted.length - 1) / 2)] ?? 0;
  return (low + high) / 2;
}

/** What stands beside every score, wherever it is shown. */
export const SAY_BESIDE =
  "A band is a reason to look, never a verdict about a child. No demographics are used; fairness was not measured; that being " +
  "named helps anybody has not been shown; precision was measured where 41 to 46 % fail or leave, and is lower where fewer do.";
