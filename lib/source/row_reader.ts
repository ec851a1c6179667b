import { keyColumns, type KindPreset } from "../../sql/lms/preset.ts";
import type { Activity, AttemptRow, BadRow, Progress } from "../model/attempt.ts";
import type { LmsId } from "../model/event.ts";
import { LmsError } from "../base/errors.ts";
import { pairId } from "../model/key_space.ts";
import type { Kind } from "../model/event_types.ts";
import { type CellReaders, cellReaders, problemFinder, type ReaderParts } from "./cell_readers.ts";
import { cleanText, filledText } from "./clean_text.ts";
import type { Cell, CellRow } from "./lms_driver.ts";
import type { LmsKeys } from "./lms_keys.ts";
import { normalWord, readBoolean, readId } from "./lms_values.ts";
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

/**
 * Makes rows of what `LmsQueries.rows` selects. Works by position and without a schema library: a first pass reads
 * millions of rows. A value of the wrong form makes the row a BadRow that names the column, never the value.
 */
export function rowReader(kind: Kind, preset: KindPreset, parts: ReaderParts): RowReader {
  const readers = cellReaders(kind, preset, parts);
  const problemOf = problemFinder(preset, readers);
  const readKey = rowKeyReader(kind, preset, parts.keys);
  const valuesOf = valuesReader(preset, readers);
  const rowOf = rowMaker(kind, preset, readers);
  const ownOf = ownReader(preset, readers);
  const what = "table" in preset ? preset.table : kind;
  let unreadable = false;
  const note = () => {
    unreadable = true;
  };

  return (cells) => {
    const id = readKey(cells[0]) ?? null;
    const hash = cells[1];
    if (id === null || typeof hash !== "string") {
      // With the types that the columns had when they were looked at, no statement gives such rows: the columns are looked at again.
      throw new LmsError(
        "schema",
        `Cannot read ${what}: a row came without a key that can be kept, or without a hash`,
        {
          hint: "The table was changed under a running lmsmon; report it when it comes again after a restart",
        },
      );
    }
    const values = valuesOf(cells);
    if (values === null) return { kind, id, hash, reason: `${what}.${problemOf(cells)}` };
    unreadable = false;
    const row = rowOf(id, hash, values, cells, note);
    const own = ownOf(values, cells, note);
    return { unreadable, row, mediaId: readId(readers.cell(cells, "mediaId")) ?? null, own };
  };
}

/** What of a row may have a wrong form: its ids, numbers and times. */
type Values = Exclude<ReturnType<ReturnType<typeof valuesReader>>, null>;

/** `null` when one of them has another form than its column should. */
function valuesReader(preset: KindPreset, { number, key, time }: CellReaders) {
  const hasNo = preset.columns.attemptNo !== undefined, hasOwn = hasOwnActivity(preset);
  return (cells: CellRow) => {
    const studentId = key(cells, "studentId"), activityId = key(cells, "activityId");
    const mirroredExam = key(cells, "mirroredExam");
    const courseId = key(cells, "courseId"), chapterId = key(cells, "chapterId");
    const score = number(cells, "score"), percentage = number(cells, "percentage"), correct = number(cells, "correct");
    const incorrect = number(cells, "incorrect"), unanswered = number(cells, "unanswered");
    const watchedPercentage = number(cells, "watchedPercentage");
    const attemptNo = hasNo ? number(cells, "attemptNo") : null;
    const scoreMax = hasOwn ? number(cells, "scoreMax") : null;
    const passPercentage = hasOwn ? number(cells, "passPercentage") : null;
    const startedAt = time(cells, "startedAt"), lastStartedAt = time(cells, "lastStartedAt");
    const finishedAt = time(cells, "finishedAt");
    if (
      studentId === undefined || activityId === undefined || mirroredExam === undefined || courseId === undefined ||
      chapterId === undefined || score === undefined || percentage === undefined || correct === undefined ||
      incorrect === undefined || unanswered === undefined || watchedPercentage === undefined ||
      startedAt === undefined || lastStartedAt === undefined || finishedAt === undefined || attemptNo === undefined ||
      scoreMax === undefined || passPercentage === undefined
    ) return null;
    return {
      studentId,
      activityId,
      mirroredExam,
      courseId,
      chapterId,
      score,
      percentage,
      correct,
      incorrect,
      unanswered,
      watchedPercentage,
      attemptNo,
      scoreMax,
      passPercentage,
      startedAt,
      lastStartedAt,
      finishedAt,
    };
  };
}

/** The row of its values and of the cells that are words; `note` hears of text that is no text. */
function rowMaker(kind: Kind, preset: KindPreset, { cell }: CellReaders) {
  const words = literalReader(preset);
  const hasGraded = preset.columns.graded !== undefined, hasActive = preset.columns.active !== undefined;
  const hasVerdict = preset.columns.verdict !== undefined, hasNo = preset.columns.attemptNo !== undefined;
  const reused = preset.identity === "attempt";
  return (id: LmsId, hash: string, values: Values, cells: CellRow, note: () => void): ReadRow["row"] => {
    const state = cleanText(cell(cells, "state"), note), result = cleanText(cell(cells, "result"), note);
    const contentType = cleanText(cell(cells, "contentType"), note);
    const { progress, settled, ungraded } = words.progress(state, cell(cells, "sideState"));
    const graded = ungraded ? false : hasGraded ? readBoolean(cell(cells, "graded")) : null;
    const verdict = ungraded || graded === false
      ? null
      : words.verdict(hasVerdict ? cleanText(cell(cells, "verdict"), note) : result);
    const row: ReadRow["row"] = {
      kind,
      id,
      hash,
      progress,
      verdict,
      state,
      result,
      studentId: values.studentId,
      studentUsername: cleanText(cell(cells, "studentUsername"), note),
      studentName: cleanText(cell(cells, "studentName"), note),
      studentEmail: cleanText(cell(cells, "studentEmail"), note),
      activityId: values.activityId,
      activity: null,
      startedAt: values.startedAt,
      lastStartedAt: values.lastStartedAt,
      finishedAt: values.finishedAt,
      timeTakenS: readTimeTaken(cell(cells, "timeTaken")),
      score: values.score,
      percentage: values.percentage,
      correct: values.correct,
      incorrect: values.incorrect,
      unanswered: values.unanswered,
      watchedPercentage: values.watchedPercentage,
      contentType,
      watchable: words.watchable(contentType, cell(cells, "sideId") !== null),
      mirrorsExam: values.mirroredExam !== null,
      courseId: values.courseId,
      chapterId: values.chapterId,
    };
    // Most presets have none of these: their rows keep one shape, which makes a pass over millions of them fast.
    if (settled) row.settled = settled;
    if (hasGraded) row.graded = graded;
    if (hasNo) row.attemptNo = values.attemptNo;
    if (hasActive) row.active = readBoolean(cell(cells, "active"));
    if (reused) row.reused = reused;
    return row;
  };
}

const OWN_COLUMNS = ["title", "scoreMax", "passPercentage", "duration", "course", "chapter"] as const;

function hasOwnActivity(preset: KindPreset): boolean {
  return OWN_COLUMNS.some((column) => preset.columns[column] !== undefined);
}

/** What rows of a preset say of their activity; `null` where they say nothing. */
function ownReader(preset: KindPreset, { cell }: CellReaders) {
  const hasOwn = hasOwnActivity(preset);
  return ({ scoreMax, passPercentage }: Values, cells: CellRow, note: () => void): OwnActivity | null =>
    hasOwn
      ? {
        title: filledText(cell(cells, "title"), note),
        scoreMax,
        passPercentage,
        duration: cell(cells, "duration"),
        course: filledText(cell(cells, "course"), note),
        chapter: filledText(cell(cells, "chapter"), note),
      }
      : null;
}

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
  // In a mapping these words are written as the LMS has them, as those of `states` are.
  const ungraded = new Set(preset.ungraded.map(normalWord));
  const always = new Set(preset.watchable.always.map(typeWord)),
    withSide = new Set(preset.watchable.withSide.map(typeWord));
  const state = remembered((text) => {
    const word = normalWord(text);
    const known = Object.hasOwn(preset.states, word) ? preset.states[word] ?? "unknown" : "unknown";
    const settled = known === "settled";
    const progress: Progress = settled ? "running" : known;
    return { progress, settled, ungraded: ungraded.has(word) };
  });
  const verdict = remembered((text) => {
    const word = normalWord(text);
    return Object.hasOwn(preset.verdicts, word) ? preset.verdicts[word] ?? null : null;
  });
  const type = remembered(typeWord);
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
      contentType !== null && (always.has(type(contentType)) || (hasSide && withSide.has(type(contentType)))),
  };
}

/** A type of content for comparing: "Live Stream" is "livestream". */
const typeWord = (text: string) => normalWord(text).replaceAll(" ", "");
