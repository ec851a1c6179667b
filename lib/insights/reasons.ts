import type { StandingRow } from "../../sql/state/insights.ts";
import { counted } from "../text/counted.ts";
import type { Indicator } from "./score.ts";

const short = (n: number) => Number.isInteger(n) ? String(n) : n.toFixed(1);

/** One indicator in words: of a student, and the course's median. */
export function wordsFor(name: Indicator, row: StandingRow, medians: StandingRow): { own: string; median: string } {
  return { own: says[name](row), median: median[name](medians) };
}

/** One indicator of a student in words, with the course's median beside it. */
export function reasonFor(name: Indicator, row: StandingRow, medians: StandingRow): string {
  const words = wordsFor(name, row, medians);
  return `${words.own} (course median: ${words.median})`;
}

const says: Readonly<Record<Indicator, (row: StandingRow) => string>> = {
  idle: ({ idle_days }) =>
    idle_days === null
      ? "no activity so far"
      : idle_days === 0
      ? "last active on this day"
      : `no activity for ${counted(idle_days, "day")}`,
  p_active: ({ active_days }) => `active on ${short(active_days)} of the last 28 days`,
  p_breadth: ({ contents }) => `${counted(contents, "content")} started`,
  miss_rate: ({ missed, due }) =>
    due === 0 ? "nothing was due yet" : `${missed} of ${counted(due, "due exam")} not handed in`,
  p_sub: ({ submitted }) => `${counted(submitted, "exam")} handed in`,
  p_score: ({ marked, ranked, p_score }) =>
    marked === 0
      ? "no marks yet"
      : ranked === 0
      ? "no marks yet that can be compared"
      : Math.round(p_score * 100) === 0
      ? "last marks the lowest of the course"
      : `last marks better than those of ${Math.round(p_score * 100)} % of the course`,
  margin: ({ margin, submitted, timed }) =>
    submitted === 0 ? "nothing handed in" : timed === 0 ? "nothing handed in that was due" : `hands in ${lead(margin)}`,
};

const median: Readonly<Record<Indicator, (row: StandingRow) => string>> = {
  idle: ({ idle_days }) => Number.isFinite(idle_days) ? counted(idle_days ?? 0, "day") : "none so far",
  p_active: ({ active_days }) => short(active_days),
  p_breadth: ({ contents }) => short(contents),
  miss_rate: ({ missed }) => short(missed),
  p_sub: ({ submitted }) => short(submitted),
  p_score: ({ p_score }) => `${Math.round(p_score * 100)} %`,
  margin: ({ margin }) => lead(margin),
};

/** Fourteen days are the whole of the scale. */
function lead(margin: number): string {
  const days = Math.round(Math.abs(margin) * 140) / 10;
  if (days === 0) return "on the due day";
  return `${days} ${days === 1 ? "day" : "days"} ${margin > 0 ? "early" : "late"}`;
}
