import { type CanonicalColumn, type KindPreset, TIME_COLUMNS } from "../../sql/lms/preset.ts";
import { canonicalColumns } from "../../sql/lms/queries.ts";
import type { LmsId } from "../model/event.ts";
import type { Kind } from "../model/event_types.ts";
import type { EpochMicros } from "../model/time.ts";
import type { Cell, CellRow } from "./lms_driver.ts";
import type { KeySort, LmsKeys } from "./lms_keys.ts";
import type { TimeReaders } from "./lms_times.ts";
import { isBeyondIds, readAttemptNo, readId, readNumber } from "./lms_values.ts";

const ID_COLUMNS: readonly CanonicalColumn[] = ["studentId", "activityId", "mirroredExam", "courseId", "chapterId"];
/** Why a whole number is no id. */
export const BEYOND_IDS = "is beyond the largest id that can be kept (64 bits with a sign)";
const NUMBER_COLUMNS: readonly CanonicalColumn[] = [
  "score",
  "percentage",
  "correct",
  "incorrect",
  "unanswered",
  "watchedPercentage",
  "attemptNo",
  "scoreMax",
  "passPercentage",
];

/** What each id is an id of. */
const SORTS: Readonly<Record<string, (kind: Kind) => KeySort>> = {
  studentId: () => "student",
  activityId: (kind) => kind,
  courseId: () => "course",
  chapterId: () => "chapter",
};

export interface ReaderParts {
  readonly times: TimeReaders;
  readonly keys: LmsKeys;
}

/**
 * Cells of a row of `LmsQueries.rows`, each read as what its column holds: `null` for nothing, and for a column that the preset does not
 * have; `undefined` for a value of another form.
 */
export interface CellReaders {
  cell(cells: CellRow, column: CanonicalColumn): Cell;
  number(cells: CellRow, column: CanonicalColumn): number | null | undefined;
  key(cells: CellRow, column: CanonicalColumn): LmsId | null | undefined;
  time(cells: CellRow, column: CanonicalColumn): EpochMicros | null | undefined;
}

export function cellReaders(kind: Kind, preset: KindPreset, { times, keys }: ReaderParts): CellReaders {
  const position: Partial<Record<CanonicalColumn, number>> = Object.fromEntries(
    canonicalColumns(preset).map((column, i) => [column, i + 2]), // after id and hash
  );
  const cell = (cells: CellRow, column: CanonicalColumn) => {
    const index = position[column];
    return index === undefined ? null : cells[index] ?? null;
  };
  const readers = new Map([...TIME_COLUMNS].map((column) => [column, times(preset.times?.[column] ?? null)]));
  return {
    cell,
    number: (cells, column) =>
      column === "attemptNo" ? readAttemptNo(cell(cells, column)) : readNumber(cell(cells, column)),
    key: (cells, column) => {
      const sort = SORTS[column]?.(kind);
      return sort !== undefined && keys.isText(sort)
        ? keys.read(sort, cell(cells, column))
        : readId(cell(cells, column));
    },
    time: (cells, column) => readers.get(column)?.(cell(cells, column)),
  };
}

/** The first column of a row whose value has another form, by the LMS's name for it, and what is wrong with it; never the value. */
export function problemFinder(
  preset: KindPreset,
  { cell, number, key, time }: CellReaders,
): (cells: CellRow) => string {
  const checks = canonicalColumns(preset).flatMap((column) => {
    const check = ID_COLUMNS.includes(column)
      ? { problem: "is no whole number", read: key }
      : NUMBER_COLUMNS.includes(column)
      ? { problem: "is no number", read: number }
      : TIME_COLUMNS.has(column)
      ? { problem: "is no time", read: time }
      : null;
    return check === null ? [] : [{ ...check, column, name: columnName(preset, column) }];
  });
  return (cells) => {
    const bad = checks.find(({ column, read }) => read(cells, column) === undefined);
    const isBeyond = bad !== undefined && ID_COLUMNS.includes(bad.column) && isBeyondIds(cell(cells, bad.column));
    return `${bad?.name}: ${isBeyond ? BEYOND_IDS : bad?.problem}`;
  };
}

function columnName(preset: KindPreset, column: CanonicalColumn): string {
  return (preset.columns[column] ?? column).replace(/^side\./, `${preset.side?.table}.`);
}
