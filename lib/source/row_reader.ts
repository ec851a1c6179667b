import { type CanonicalColumn, type KindPreset, TIME_COLUMNS } from "../../sql/lms/preset.ts";
import { canonicalColumns } from "../../sql/lms/queries.ts";
import type { Activity, AttemptRow, BadRow, Progress } from "../model/attempt.ts";
import type { LmsId } from "../model/event.ts";
import type { Kind } from "../model/event_types.ts";
import { cleanText } from "./clean_text.ts";
import type { CellRow } from "./lms_driver.ts";
import type { TimeReader } from "./lms_times.ts";
import { isBeyondIds, normalWord, readId, readNumber } from "./lms_values.ts";
import { readTimeTaken } from "./time_taken.ts";

/** A row as read; `complete` adds its activity. `mediaId` is what an empty title is looked up by. */
export interface ReadRow {
  readonly row: { -readonly [K in keyof AttemptRow]: AttemptRow[K] };
  readonly mediaId: LmsId | null;
  /** Some of its text was bytes that are no text. */
  readonly unreadable: boolean;
}

export type RowReader = (cells: CellRow) => ReadRow | BadRow;

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
];

/**
 * Makes rows of what `LmsQueries.rows` selects. Works by position and without a schema library: a first pass reads
 * millions of rows. A value of the wrong form makes the row a BadRow that names the column, never the value.
 */
export function rowReader(kind: Kind, preset: KindPreset, readTime: TimeReader): RowReader {
  const columns = canonicalColumns(preset);
  const at = (column: CanonicalColumn) => {
    const index = columns.indexOf(column);
    return index < 0 ? -1 : index + 2; // after id and hash
  };
  const position = Object.fromEntries(columns.map((c) => [c, at(c)])) as Partial<Record<CanonicalColumn, number>>;
  const cell = (cells: CellRow, column: CanonicalColumn) => {
    const index = position[column];
    return index === undefined ? null : cells[index] ?? null;
  };
  let unreadable = false;
  const note = () => {
    unreadable = true;
  };
  const text = (cells: CellRow, column: CanonicalColumn) => cleanText(cell(cells, column), note);
  const words = literalReader(preset);
  const checks = columns.flatMap((column) => {
    const problem = ID_COLUMNS.includes(column)
      ? "is no whole number"
      : NUMBER_COLUMNS.includes(column)
      ? "is no number"
      : TIME_COLUMNS.has(column)
      ? "is no time"
      : null;
    return problem === null ? [] : [{ column, problem, name: columnName(preset, column) }];
  });

  const number = (cells: CellRow, column: CanonicalColumn) => readNumber(cell(cells, column));
  const key = (cells: CellRow, column: CanonicalColumn) => readId(cell(cells, column));
  const time = (cells: CellRow, column: CanonicalColumn) => readTime(cell(cells, column));

  return (cells) => {
    const id = readId(cells[0]) ?? null;
    const hash = cells[1];
    if (id === null || typeof hash !== "string") {
      throw new TypeError(`Cannot read ${preset.table}: a row without a whole-number ${preset.key} or without a hash`);
    }
    const studentId = key(cells, "studentId"),
      activityId = key(cells, "activityId"),
      mirroredExam = key(cells, "mirroredExam");
    const courseId = key(cells, "courseId"), chapterId = key(cells, "chapterId");
    const score = number(cells, "score"), percentage = number(cells, "percentage"), correct = number(cells, "correct");
    const incorrect = number(cells, "incorrect"),
      unanswered = number(cells, "unanswered"),
      watched = number(cells, "watchedPercentage");
    const startedAt = time(cells, "startedAt"),
      lastStartedAt = time(cells, "lastStartedAt"),
      finishedAt = time(cells, "finishedAt");
    if (
      studentId === undefined || activityId === undefined || mirroredExam === undefined || courseId === undefined ||
      chapterId === undefined || score === undefined || percentage === undefined || correct === undefined ||
      incorrect === undefined || unanswered === undefined || watched === undefined || startedAt === undefined ||
      lastStartedAt === undefined || finishedAt === undefined
    ) {
      const bad = checks.find(({ column }) =>
        (TIME_COLUMNS.has(column)
          ? time(cells, column)
          : NUMBER_COLUMNS.includes(column)
          ? number(cells, column)
          : key(cells, column)) ===
          undefined
      );
      const problem = bad && ID_COLUMNS.includes(bad.column) && isBeyondIds(cell(cells, bad.column))
        ? BEYOND_IDS
        : bad?.problem;
      return { kind, id, hash, reason: `${preset.table}.${bad?.name}: ${problem}` };
    }

    unreadable = false;
    const state = text(cells, "state"), result = text(cells, "result");
    const contentType = text(cells, "contentType");
    const studentUsername = text(cells, "studentUsername"), studentName = text(cells, "studentName");
    const studentEmail = text(cells, "studentEmail");
    const { progress, ungraded } = words.progress(state, cell(cells, "sideState"));
    return {
      unreadable,
      row: {
        kind,
        id,
        hash,
        progress,
        verdict: ungraded ? null : words.verdict(result),
        state,
        result,
        studentId,
        studentUsername,
        studentName,
        studentEmail,
        activityId,
        activity: null,
        startedAt,
        lastStartedAt,
        finishedAt,
        timeTakenS: readTimeTaken(cell(cells, "timeTaken")),
        score,
        percentage,
        correct,
        incorrect,
        unanswered,
        watchedPercentage: watched,
        contentType,
        watchable: words.watchable(contentType, cell(cells, "sideId") !== null),
        mirrorsExam: mirroredExam !== null,
        courseId,
        chapterId,
      },
      mediaId: readId(cell(cells, "mediaId")) ?? null,
    };
  };
}

/** The whole row; its activity's place counts where the row does not know its own. */
export function complete({ row }: ReadRow, activity: Activity | null): AttemptRow {
  row.activity = activity;
  row.courseId ??= activity?.courseId ?? null;
  row.chapterId ??= activity?.chapterId ?? null;
  return row;
}

export function isBad(read: ReadRow | BadRow): read is BadRow {
  return "reason" in read;
}

/** The preset's literal maps, with a memory: an LMS has a dozen words and millions of rows. */
function literalReader(preset: KindPreset) {
  const remembered = <T>(decide: (text: string) => T) => {
    const known = new Map<string, T>();
    return (text: string): T => {
      const found = known.get(text);
      if (found !== undefined) return found;
      const value = decide(text);
      if (known.size < 1000) known.set(text, value);
      return value;
    };
  };
  const state = remembered((text) => {
    const word = normalWord(text);
    const progress: Progress = Object.hasOwn(preset.states, word) ? preset.states[word] ?? "unknown" : "unknown";
    return { progress, ungraded: preset.ungraded.includes(word) };
  });
  const verdict = remembered((text) => {
    const word = normalWord(text);
    return Object.hasOwn(preset.verdicts, word) ? preset.verdicts[word] ?? null : null;
  });
  const type = remembered((text) => normalWord(text).replaceAll(" ", ""));
  const unknown = { progress: "unknown", ungraded: false } as const;
  return {
    progress(own: string | null, side: string | null): { progress: Progress; ungraded: boolean } {
      const read = own === null ? unknown : state(own);
      // The attempt's own state lags behind its video's.
      const finished = side !== null && read.progress !== "finished" && state(side).progress === "finished";
      return finished ? { progress: "finished", ungraded: read.ungraded } : read;
    },
    verdict: (result: string | null) => result === null ? null : verdict(result),
    watchable: (contentType: string | null, hasSide: boolean) =>
      contentType !== null &&
      (preset.watchable.always.includes(type(contentType)) ||
        (hasSide && preset.watchable.withSide.includes(type(contentType)))),
  };
}

function columnName(preset: KindPreset, column: CanonicalColumn): string {
  return (preset.columns[column] ?? column).replace(/^side\./, `${preset.side?.table}.`);
}
