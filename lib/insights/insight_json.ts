import { jsonId } from "../model/lms_ids.ts";
import { INDICATORS } from "./score.ts";
import type { Insight, KnownValues } from "./insight.ts";

/** Digits that hold across plans of a database and versions of it. */
const DIGITS = 6;
const round = (n: number | null) => n === null ? null : Number(n.toFixed(DIGITS)) + 0;
const rounded = (values: KnownValues) => Object.fromEntries(INDICATORS.map((name) => [name, round(values[name])]));

/** One student in one course; docs/insights.md is the contract. */
export function insightJson(insight: Insight, scoreVersion: string, at: string) {
  const { student, course, list, band, z, p, values, medians, reasons, cohort } = insight;
  return {
    student: jsonId(student),
    course: jsonId(course),
    list,
    band,
    z: round(z),
    p: round(p),
    values: rounded(values),
    medians: rounded(medians),
    reasons,
    n_cohort: cohort,
    score_version: scoreVersion,
    at,
  };
}
export type InsightJson = ReturnType<typeof insightJson>;

export const CSV_COLUMNS = [
  "student",
  "course",
  "list",
  "band",
  "z",
  "p",
  ...INDICATORS,
  ...INDICATORS.map((name) => `median_${name}`),
  "reason_1",
  "reason_2",
  "n_cohort",
  "score_version",
  "at",
];

/** The same as a line of CSV, in the order of `CSV_COLUMNS`. */
export function insightCells(json: InsightJson): (string | null)[] {
  const { values, medians, reasons, student, course, list, band, z, p, n_cohort, score_version, at } = json;
  return [
    student,
    course,
    list,
    band,
    z,
    p,
    ...INDICATORS.map((name) => values[name] ?? null),
    ...INDICATORS.map((name) => medians[name] ?? null),
    reasons[0] ?? null,
    reasons[1] ?? null,
    n_cohort,
    score_version,
    at,
  ].map((cell) => cell === null ? null : String(cell));
}
