import { type CanonicalColumn, keyColumns, type KindPreset, TIME_COLUMNS } from "../../sql/lms/preset.ts";
import { canonicalColumns } from "../../sql/lms/queries.ts";
import type { Activity, AttemptRow, BadRow, Progress } from "../model/attempt.ts";
import type { LmsId } from "../model/event.ts";
import { LmsError } from "../base/errors.ts";
import { pairId } from "../model/key_space.ts";
import type { Kind } from "../model/event_types.ts";
import { cleanText, filledText } from "./clean_text.ts";
import type { Cell, CellRow } from "./lms_driver.ts";
import type { TimeReaders } from "./lms_times.ts";
import type { KeySort, LmsKeys } from "./lms_keys.ts";
import { isBeyondIds, normalWord, readAttemptNo, readBoolean, readId, readNumber } from "./lms_values.ts";
import { readTimeTaken } from "./time_taken.ts";

/** A row as read; `complete` adds its activity. `mediaId` is what an empty title is looked up by. */
export interface ReadRow {
  readonly row: { -readonly [K in keyof AttemptRow]: AttemptRow[K] };
  readonly mediaId: LmsId | null;
  /** What the row itself says of its activity. */
  readonly own: OwnActivity | null;
  /** Some of its text was bytes that are no text. */
  readonly unreadable: boolean;
}

/** What a query may say of the activity in the row itself. Texts and numbers as they are. */
export interface OwnActivity {
  readonly title: string | null;
  readonly scoreMax: number | null;
  readonly passPercentage: number | null;
  readonly duration: Cell;
  readonly course: string | null;
  readonly chapter: string | null;
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
 * Makes rows of what `LmsQueries.rows` selects. Works by position and without a schema library: a first pass reads
 * millions of rows. A value of the wrong form makes the row a BadRow that names the column, never the value.
 */
export function rowReader(kind: Kind, preset: KindPreset, { times, keys }: ReaderParts): RowReader {
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

  const number = (cells: CellRow, column: CanonicalColumn) =>
    column === "attemptNo" ? readAttemptNo(cell(cells, column)) : readNumber(cell(cells, column));
  const key = (cells: CellRow, column: CanonicalColumn) => {
    const sort = SORTS[column]?.(kind);
    return sort !== undefined && keys.isText(sort) ? keys.read(sort, cell(cells, column)) : readId(cell(cells, column));
  };
  const readers = new Map([...TIME_COLUMNS].map((column) => [column, times(preset.times?.[column] ?? null)]));
  const time = (cells: CellRow, column: CanonicalColumn) => readers.get(column)?.(cell(cells, column));
  const readKey = rowKeyReader(kind, preset, keys);
  const hasGraded = preset.columns.graded !== undefined, hasActive = preset.columns.active !== undefined;
  const hasVerdict = preset.columns.verdict !== undefined, hasNo = preset.columns.attemptNo !== undefined;
  const hasOwn = OWN_COLUMNS.some((column) => preset.columns[column] !== undefined);
  const reused = preset.identity === "attempt";
  const what = "table" in preset ? preset.table : kind;

  return (cells) => {
    const id = readKey(cells[0]) ?? null;
    const hash = cells[1];
    if (id === null || typeof hash !== "string") {
      // No statement gives such rows for the types that the columns had when they were looked at: they are looked at again.
      throw new LmsError(
        "schema",
        `Cannot read ${what}: a row came without a key that can be kept, or without a hash`,
        {
          hint: "The table was changed under a running lmsmon; report it when it comes again after a restart",
        },
      );
    }
    const studentId = key(cells, "studentId"),
      activityId = key(cells, "activityId"),
      mirroredExam = key(cells, "mirroredExam");
    const courseId = key(cells, "courseId"), chapterId = key(cells, "chapterId");
    const score = number(cells, "score"), percentage = number(cells, "percentage"), correct = number(cells, "correct");
    const incorrect = number(cells, "incorrect"),
      unanswered = number(cells, "unanswered"),
      watched = number(cells, "watchedPercentage");
    const attemptNo = hasNo ? number(cells, "attemptNo") : null;
    const scoreMax = hasOwn ? number(cells, "scoreMax") : null;
    const passPercentage = hasOwn ? number(cells, "passPercentage") : null;
    const startedAt = time(cells, "startedAt"),
      lastStartedAt = time(cells, "lastStartedAt"),
      finishedAt = time(cells, "finishedAt");
    if (
      studentId === undefined || activityId === undefined || mirroredExam === undefined || courseId === undefined ||
      chapterId === undefined || score === undefined || percentage === undefined || correct === undefined ||
      incorrect === undefined || unanswered === undefined || watched === undefined || startedAt === undefined ||
      lastStartedAt === undefined || finishedAt === undefined || attemptNo === undefined || scoreMax === undefined ||
      passPercentage === undefined
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
      return { kind, id, hash, reason: `${what}.${bad?.name}: ${problem}` };
    }

    unreadable = false;
    const state = text(cells, "state"), result = text(cells, "result");
    const contentType = text(cells, "contentType");
    const studentUsername = text(cells, "studentUsername"), studentName = text(cells, "studentName");
    const studentEmail = text(cells, "studentEmail");
    const { progress, settled, ungraded } = words.progress(state, cell(cells, "sideState"));
    const graded = ungraded ? false : hasGraded ? readBoolean(cell(cells, "graded")) : null;
    const verdict = ungraded || graded === false ? null : words.verdict(hasVerdict ? text(cells, "verdict") : result);
    const row: ReadRow["row"] = {
      kind,
      id,
      hash,
      progress,
      verdict,
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
    };
    // Most presets have none of these: their rows stay of one shape, which is what a pass over millions of them is fast by.
    if (settled) row.settled = settled;
    if (hasGraded) row.graded = graded;
    if (hasNo) row.attemptNo = attemptNo;
    if (hasActive) row.active = readBoolean(cell(cells, "active"));
    if (reused) row.reused = reused;
    return {
      unreadable,
      row,
      mediaId: readId(cell(cells, "mediaId")) ?? null,
      own: hasOwn
        ? {
          title: filledText(cell(cells, "title"), note),
          scoreMax,
          passPercentage,
          duration: cell(cells, "duration"),
          course: filledText(cell(cells, "course"), note),
          chapter: filledText(cell(cells, "chapter"), note),
        }
        : null,
    };
  };
}

const OWN_COLUMNS = ["title", "scoreMax", "passPercentage", "duration", "course", "chapter"] as const;

/** Ids of the rows of a kind, out of their keys as the LMS writes them. */
export function rowKeyReader(
  kind: Kind,
  preset: KindPreset,
  keys: LmsKeys,
): (cell: Cell | undefined) => LmsId | null | undefined {
  if (keyColumns(preset.key).length > 1) {
    return (cell) => {
      const [a, b] = (cell ?? "").split("/");
      return pairId(a ?? "", b ?? "") ?? undefined;
    };
  }
  return (preset.keyType ?? "integer") === "integer" ? readId : (cell) => keys.read(`${kind}_row`, cell);
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
    const known = Object.hasOwn(preset.states, word) ? preset.states[word] ?? "unknown" : "unknown";
    const settled = known === "settled";
    const progress: Progress = settled ? "running" : known;
    return { progress, settled, ungraded: preset.ungraded.includes(word) };
  });
  const verdict = remembered((text) => {
    const word = normalWord(text);
    return Object.hasOwn(preset.verdicts, word) ? preset.verdicts[word] ?? null : null;
  });
  const type = remembered((text) => normalWord(text).replaceAll(" ", ""));
  const unknown = { progress: "unknown", settled: false, ungraded: false } as const;
  return {
    progress(
      own: string | null,
      side: string | null,
    ): { readonly progress: Progress; readonly settled: boolean; readonly ungraded: boolean } {
      const read = own === null ? unknown : state(own);
      // The attempt's own state lags behind its video's.
      const finished = side !== null && read.progress !== "finished" && state(side).progress === "finished";
      return finished ? { progress: "finished", settled: false, ungraded: read.ungraded } : read;
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
