import { type KindPreset, outputName, TIME_COLUMNS } from "../../sql/lms/preset.ts";
import { canonicalColumns } from "../../sql/lms/queries.ts";
import type { CellRow } from "./lms_driver.ts";
import { normalWord } from "./lms_values.ts";

const MOST_WORDS = 3;
const LONGEST_WORD = 40;
/** Between the two: seconds of the year 5138, milliseconds of 1973. */
const BETWEEN_UNITS = 1e11;

/** What is doubtful about the values of a sample of rows (key, hash, columns), one line each. Pure. */
export function strangeValues(kind: KindPreset, rows: readonly CellRow[]): string[] {
  const verdicts = strangeVerdicts(kind, rows);
  return [...verdicts === null ? [] : [verdicts], ...strangeTimes(kind, rows)];
}

/** Seconds taken for milliseconds are of January 1970 and too old to be told; milliseconds taken for seconds are no time at all. */
function strangeTimes(kind: KindPreset, rows: readonly CellRow[]): string[] {
  return canonicalColumns(kind).flatMap((column, i) => {
    const form = TIME_COLUMNS.has(column) ? kind.times?.[column] : undefined;
    if (form !== "unix_s" && form !== "unix_ms") return [];
    const numbers = rows.flatMap((cells) => Number(cells[i + 2] ?? 0) || []).map(Math.abs);
    const other = form === "unix_s" ? "unix_ms" : "unix_s";
    const isOther = (value: number) => form === "unix_s" ? value > BETWEEN_UNITS : value < BETWEEN_UNITS;
    return numbers.length > 0 && numbers.every(isOther)
      ? [`column "${outputName(column)}" is read as ${form}, and every value of a sample looks like ${other}`]
      : [];
  });
}

/**
 * None of a sample is a word of `verdicts`, so that every result would be told as one that is not out yet. Single words that mean
 * nothing (pending, n/a) are as they should be.
 */
function strangeVerdicts(kind: KindPreset, rows: readonly CellRow[]): string | null {
  const at = canonicalColumns(kind).indexOf("verdict");
  if (at < 0) return null;
  const words = rows.flatMap((cells) => normalWord(cells[at + 2] ?? "") || []); // after key and hash
  if (words.length === 0 || words.some((word) => Object.hasOwn(kind.verdicts, word))) return null;
  // What stands in one row only may be a remark about somebody.
  const repeated = [...new Set(words.filter((word, i) => words.indexOf(word) !== i))].slice(0, MOST_WORDS)
    .map((word) => JSON.stringify([...word.toWellFormed()].slice(0, LONGEST_WORD).join("")));
  return `no verdict of a sample is a word of \`verdicts\`, so none counts${
    repeated.length === 0 ? "" : `: ${repeated.join(", ")}`
  }`;
}
