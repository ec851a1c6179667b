import { INDICATORS, type ScoreConstants, type Values } from "./score.ts";
import { valuesOf } from "./insight.ts";

export interface FitRow {
  readonly values: Values;
  readonly failed: boolean;
}

/** Fewer students make constants that describe them and nobody else. */
export const FEWEST_STUDENTS = 200;
const STEPS = 50;
const CLOSE = 1e-9;
/** So little that it changes no digit that matters, and a value that is the same for all gets a weight of 0 and no error. */
const RIDGE = 1e-4;

/** Plain logistic regression by Newton's method. Throws RangeError when all outcomes are the same. */
export function fitConstants(rows: readonly FitRow[], version: string): ScoreConstants {
  const failed = rows.filter((row) => row.failed).length;
  if (failed === 0 || failed === rows.length) throw new RangeError("all outcomes are the same");
  const inputs = rows.map(({ values }) => [1, ...INDICATORS.map((name) => values[name])]);
  const size = INDICATORS.length + 1;
  let beta = new Array<number>(size).fill(0);
  for (let step = 0; step < STEPS; step++) {
    const gradient = beta.map((b, i) => i === 0 ? 0 : -RIDGE * b);
    const curve = beta.map((_, i) => beta.map((_, j): number => i === j ? RIDGE : 0));
    inputs.forEach((x, row) => {
      const p = 1 / (1 + Math.exp(-x.reduce((sum, value, i) => sum + value * (beta[i] ?? 0), 0)));
      const miss = (rows[row]?.failed ? 1 : 0) - p;
      for (let i = 0; i < size; i++) {
        gradient[i] = (gradient[i] ?? 0) + miss * (x[i] ?? 0);
        const line = curve[i] ?? [];
        for (let j = 0; j < size; j++) line[j] = (line[j] ?? 0) + p * (1 - p) * (x[i] ?? 0) * (x[j] ?? 0);
      }
    });
    const change = solve(curve, gradient);
    beta = beta.map((b, i) => b + (change[i] ?? 0));
    if (Math.max(...change.map(Math.abs)) < CLOSE) break;
  }
  const [intercept = 0, ...weights] = beta;
  return { version, intercept, weights: valuesOf((name) => weights[INDICATORS.indexOf(name)] ?? 0) };
}

/** Gauss with the largest pivot. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((line, i) => [...line, right[i] ?? 0]);
  for (let i = 0; i < rows.length; i++) {
    const best = rows.slice(i).reduce(
      (at, line, k) => Math.abs(line[i] ?? 0) > Math.abs(rows[at]?.[i] ?? 0) ? i + k : at,
      i,
    );
    const pivot = rows[best] ?? [];
    [rows[i], rows[best]] = [pivot, rows[i] ?? []];
    rows.forEach((line, k) => {
      if (k === i) return;
      const factor = (line[i] ?? 0) / (pivot[i] ?? 1);
      for (let j = i; j < line.length; j++) line[j] = (line[j] ?? 0) - factor * (pivot[j] ?? 0);
    });
  }
  return rows.map((line, i) => (line.at(-1) ?? 0) / (line[i] ?? 1));
}
