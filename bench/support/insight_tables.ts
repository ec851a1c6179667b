import type { Measures } from "../../lib/insights/evaluation.ts";
import type { JudgedModule } from "./insight_measures.ts";

const COLUMNS: readonly (readonly [string, keyof Measures])[] = [
  ["n", "n"],
  ["failed", "failed"],
  ["AUC", "auc"],
  ["P@10%", "p10"],
  ["P@20%", "p20"],
  ["recall", "recall"],
  ["ECE", "ece"],
  ["lowest avg", "lowest_average_auc"],
  ["silent 14d", "silent_14_auc"],
  ["here: n", "here_n"],
  ["AUC", "here_auc"],
  ["P@10%", "here_p10"],
  ["lowest avg", "here_lowest_average_auc"],
  ["its P@10%", "here_lowest_average_p10"],
];

/** One row a module and day, and one for all modules together. */
export function printTable(
  say: (line: string) => void,
  days: readonly number[],
  modules: readonly JudgedModule[],
  measuresOf: (modules: readonly JudgedModule[], day: number) => Measures,
): void {
  const row = (...cells: string[]) =>
    say(cells.map((cell, i) => i === 0 ? cell.padEnd(10) : i === 1 ? cell.padStart(5) : cell.padStart(11)).join(""));
  row("", "day", ...COLUMNS.map(([title]) => title));
  const groups = [
    ...modules.map((module) => ({ name: module.name, list: [module] })),
    ...modules.length > 1 ? [{ name: "together", list: modules }] : [],
  ];
  for (const { name, list } of groups) {
    for (const day of days) {
      const measures = measuresOf(list, day);
      row(
        name,
        `d${day}`,
        ...COLUMNS.map(([, key]) => COUNTS.has(key) ? String(measures[key]) : digits(measures[key], 4)),
      );
    }
  }
}

const COUNTS: ReadonlySet<keyof Measures> = new Set(["n", "failed", "here_n"]);

/** `-`: it cannot be said, as of a module with too few students for a score. */
export const digits = (value: number | null, places: number): string => value === null ? "-" : value.toFixed(places);
