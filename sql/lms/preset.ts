import type { Kind } from "../../lib/model/event_types.ts";
import type { ContextPreset } from "./context_preset.ts";
/**
 * How the tables of one LMS product read, as data. A dialect turns it into queries (sql/lms/queries.ts), lib/source turns
 * the answers into rows: a further LMS is one more object of this shape and no code. A mapping in YAML is the same data
 * (lib/source/mapping.ts).
 *
 * A column reference is a column of the kind's own table or query (`user_id`), or of its side table (`side.state`).
 */
export type ColumnRef = string;

/** Canonical columns of an attempt row; a kind leaves out what its LMS does not have. */
export const CANONICAL_COLUMNS = [
  "state",
  "result",
  /** Pass or fail, where it is not in `result`. */
  "verdict",
  /** 1: a mark is there, also without a pass mark; 0: none yet. Without this column a verdict says that there is one. */
  "graded",
  /** The LMS's own number of this attempt, from 1. */
  "attemptNo",
  /** Whether the student takes part in this row's course now. */
  "active",
  "studentId",
  "studentUsername",
  "studentName",
  "studentEmail",
  "activityId",
  "startedAt",
  "lastStartedAt",
  "finishedAt",
  "timeTaken",
  "score",
  "percentage",
  "correct",
  "incorrect",
  "unanswered",
  "watchedPercentage",
  "contentType",
  "mirroredExam",
  "courseId",
  "chapterId",
  /** What the attempt is about, where the row says so itself; `activity` of the kind fills in what is missing. */
  "title",
  "scoreMax",
  "passPercentage",
  "duration",
  "course",
  "chapter",
  /** Key and state of the side row (a user's video), and the media it is about. */
  "sideId",
  "sideState",
  "mediaId",
] as const;
export type CanonicalColumn = (typeof CANONICAL_COLUMNS)[number];

export const TIME_COLUMNS: ReadonlySet<CanonicalColumn> = new Set(["startedAt", "lastStartedAt", "finishedAt"]);

/** Columns whose values are words or names: whatever length they have, {@link LONGEST_TEXT} of it are read. */
export const TEXT_COLUMNS: ReadonlySet<CanonicalColumn> = new Set([
  "state",
  "result",
  "studentUsername",
  "studentName",
  "studentEmail",
  "timeTaken",
  "contentType",
  "title",
  "course",
  "chapter",
  "sideState",
]);

/** Columns of a query that can change an event: hashed, as far as it gives them. Names, titles, counts and times are not. */
export const HASHED_COLUMNS: readonly CanonicalColumn[] = [
  "studentId",
  "activityId",
  "attemptNo",
  "state",
  "result",
  "verdict",
  "graded",
  "score",
  "percentage",
  "contentType",
  "mirroredExam",
];

/**
 * Letters of a title, a name or a word that are read at most. Real ones have some dozens, and messages show fewer still; a few hundred
 * titles of a megabyte in one page would fill the memory (P8).
 */
export const LONGEST_TEXT = 1_000;

/**
 * What a thing is read from: a table, or a query (one SELECT, no semicolon) whose output columns are what `columns` names.
 * `{P}` in either stands for the prefix of the LMS's tables ({@link withPrefix}). Of a query's columns, those that it does not
 * give are left out when it has been described; see lib/source/described_preset.ts.
 */
export type Relation = { readonly table: string } | { readonly from: string };

/** Something read by id, a few columns of it under canonical names. */
export type TablePreset<Required extends string = string, Optional extends string = never> = Relation & {
  readonly key: string;
  readonly columns: Readonly<Record<Required, string>> & Readonly<Partial<Record<Optional, string>>>;
};

/** A table whose keys say which rows of a query there can be, read in the order of an index. */
export interface DrivingTable {
  readonly table: string;
  /** The column, or the two of a pair, that the query's key is made of. */
  readonly key: RowKey;
}

/** A column, or the two whole numbers of a pair. */
export type RowKey = string | readonly [string, string];

/** How a time of a query is written. Zoneless ones are in `lms.timezone`; a unix number is moved by nothing, and 0 is none. */
export type TimeForm = "unix_s" | "unix_ms" | "zoned" | "zoneless" | "utc";

/** What a word says of an attempt; "settled": started, and nothing more will come of it. */
export type StateWord = "not_started" | "running" | "settled" | "finished";

/** What the keys of rows are: whole numbers (or a pair of them), texts (UUIDs among them), bytes (shown in hexadecimal). */
export type KeyType = "integer" | "text" | "binary";

export type KindPreset = Relation & {
  /** Primary key. */
  readonly key: RowKey;
  /** "integer" when it is not given. */
  readonly keyType?: KeyType;
  /**
   * What drives a query: pages take their keys from here first, then the query is joined to them. None: the query is read in
   * ranges of its own key. A table drives itself.
   */
  readonly rows?: readonly DrivingTable[];
  /** Where rows show that they are new, sooner than a full pass finds them. A hint, which decides nothing. */
  readonly newest?: NewestPreset;
  /** Raise it when `hashed` or the recipe of the hash changes: all known hashes become worthless. */
  readonly version: number;
  readonly columns: Readonly<Partial<Record<CanonicalColumn, ColumnRef>>>;
  /** At most one row of another table, left-joined by its primary key. */
  readonly side: { readonly table: string; readonly key: string; readonly on: string } | null;
  /** Every column that can change an event, in a fixed order. */
  readonly hashed: readonly ColumnRef[];
  /** Words, normalised (lower case, blanks for `_` and `-`), to progress. What is not here is `unknown`. */
  readonly states: Readonly<Record<string, StateWord>>;
  /** Words of `verdict`, or of `result` where there is no such column. */
  readonly verdicts: Readonly<Record<string, "pass" | "fail">>;
  /** Finished states whose result is not out yet, whatever the result column says. */
  readonly ungraded: readonly string[];
  /** Content types (normalised, without blanks) whose finish means "watched"; `withSide` only with a side row. */
  readonly watchable: { readonly always: readonly string[]; readonly withSide: readonly string[] };
  /** How times are written; one that is not here goes by its column's type. */
  readonly times?: Readonly<Partial<Record<CanonicalColumn, TimeForm>>>;
  /** What `duration` counts; "auto", the default: minutes up to 600, else seconds. `lms.exam_duration_unit` has the last word. */
  readonly durationUnit?: "auto" | "minutes" | "seconds";
  /** "attempt": a row is used again for the student's next attempt, so the attempt number is part of what an attempt is. */
  readonly identity?: "row" | "attempt";
  /** Where the LMS keeps a log that says more than its rows do. */
  readonly log?: LogPreset;
  /** Where more is known of an activity; `null`: the kind's own columns (title, course and so on) are all there is. */
  readonly activity: ActivityPreset | null;
};

/** A column by which what was written last comes first, in the driving table or in a table (a log) that has the kind's keys, too. */
export interface NewestPreset {
  readonly column: string;
  readonly table?: string | undefined;
  readonly key?: RowKey | undefined;
}

/** A log: a table whose lines are only ever added, under ascending ids. */
export interface LogPreset {
  readonly table: string;
  readonly key: string;
  /** When a line was written, unix seconds. */
  readonly time: string;
  /**
   * Those of its lines that say something: a query that gives `line_id`, `seen` (1: the student was there; 0: look at the row) and the
   * same columns as the kind's own. `{lines}` stands for a condition on `l.key`.
   */
  readonly from: string;
}

export interface ActivityPreset {
  readonly self: TablePreset<
    "title",
    "scoreMax" | "passPercentage" | "duration" | "courseId" | "chapterId" | "mediaId"
  >;
  /** Where an empty title is looked up by `mediaId`. */
  readonly media: TablePreset<"title"> | null;
  /** Finds the one content that holds an activity which does not know its own place; `key` is the activity's id. */
  readonly placement: TablePreset<"contentId" | "courseId"> | null;
  /** The chapter of that content; optional, an LMS copy may lack the table. */
  readonly chapterOfContent: TablePreset<"chapterId"> | null;
}

export type PeoplePreset =
  & TablePreset<never, "username" | "email" | "displayName" | "firstName" | "lastName">
  /** The column that says whether the account is active. */
  & { readonly active: string | null };

/** Whose ids may be texts. */
export const ID_SORTS = ["student", "mentor", "exam", "assignment", "content", "course", "chapter", "batch"] as const;
export type IdSort = (typeof ID_SORTS)[number];

export interface Preset {
  /** Due dates and memberships, which an early warning is judged by; absent where the LMS says nothing of them. */
  readonly context?: ContextPreset;
  readonly name: string;
  /** Part of the recipe number; never reused. */
  readonly number: number;
  /** At least one. */
  readonly kinds: Readonly<Record<Kind, KindPreset | null>>;
  readonly courses: TablePreset<"title"> | null;
  readonly chapters: TablePreset<"title", "courseId"> | null;
  readonly people: { readonly student: PeoplePreset; readonly mentor: PeoplePreset };
  /** Pairs, read by their student column. */
  readonly links: Relation & { readonly mentor: string; readonly student: string };
  readonly batches: Relation & { readonly batch: string; readonly student: string } | null;
  /** Ids that are texts; the others are whole numbers. */
  readonly ids?: Readonly<Partial<Record<IdSort, "text">>>;
}

/**
 * A preset that depends on which tables an LMS has: made anew whenever the tables are looked at. `table` without prefix, and
 * perhaps a column of it.
 */
export interface PresetMaker {
  /** With everything there may be: for what must be known before the LMS is asked (name, kinds, recipes). */
  readonly base: Preset;
  /** `null`: `base` it is, whatever the tables. */
  readonly build: ((has: (table: string, column?: string) => boolean) => Preset) | null;
}

/** The kind of a preset that has it. */
export function kindOf(preset: Preset, kind: Kind): KindPreset {
  const found = preset.kinds[kind];
  if (found === null) throw new TypeError(`Preset ${preset.name} has no kind ${kind}`);
  return found;
}

/** The same preset with its tables' prefix in place of each `{P}`. */
export function withPrefix(preset: Preset, prefix: string): Preset {
  const filled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(filled);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) =>
        typeof inner === "string" && (name === "table" || name === "from")
          ? [name, inner.replaceAll("{P}", prefix)]
          : [name, filled(inner)]
      ),
    );
  };
  return filled(preset) as Preset; // the same shape, strings for strings
}

/** What a query calls a canonical column: `student_id` for studentId. */
export function outputName(column: string): string {
  return column.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The columns of a key, one or two. */
export function keyColumns(key: RowKey): readonly string[] {
  return typeof key === "string" ? [key] : key;
}

/** The tables that a query's pages take their keys from; none for a table. */
export function drivers(kind: KindPreset): readonly DrivingTable[] {
  return "from" in kind ? kind.rows ?? [] : [];
}

/** Where the newest rows of a kind are found; `null` where nothing says it. */
export function newestOf(kind: KindPreset): (DrivingTable & { readonly column: string }) | null {
  const [first] = drivers(kind);
  if (kind.newest === undefined || first === undefined) return null;
  const { column, table = first.table, key = first.key } = kind.newest;
  return { table, key, column };
}

/** Every canonical column under the name that a query gives it; what a query does not give is left out. */
export const outputColumns: Readonly<Record<CanonicalColumn, string>> = Object.fromEntries(
  CANONICAL_COLUMNS.map((column) => [column, outputName(column)]),
) as Record<CanonicalColumn, string>;

/** The same for what is hashed. */
export const outputHashed: readonly string[] = HASHED_COLUMNS.map(outputName);
