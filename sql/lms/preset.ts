/**
 * How the tables of one LMS product read, as data. A dialect turns it into queries (sql/lms/queries.ts), lib/source turns
 * the answers into rows: a further LMS is one more object of this shape and no code.
 *
 * A column reference is a column of the kind's own table (`user_id`) or of its side table (`side.state`).
 */
export type ColumnRef = string;

/** Canonical columns of an attempt row; a kind leaves out what its LMS does not have. */
export const CANONICAL_COLUMNS = [
  "state",
  "result",
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
  "sideState",
]);

/**
 * Letters of a title, a name or a word that are read at most. Real ones have some dozens, and messages show fewer still; a few hundred
 * titles of a megabyte in one page would fill the memory (P8).
 */
export const LONGEST_TEXT = 1_000;

/** A table read by id, a few columns of it under canonical names. */
export interface TablePreset<Column extends string = string> {
  readonly table: string;
  readonly key: string;
  readonly columns: Readonly<Record<Column, string>>;
}

export interface KindPreset {
  readonly table: string;
  /** Integer primary key. */
  readonly key: string;
  /** Raise it when `hashed` or the recipe of the hash changes: all known hashes become worthless. */
  readonly version: number;
  readonly columns: Readonly<Partial<Record<CanonicalColumn, ColumnRef>>>;
  /** At most one row of another table, left-joined by its primary key. */
  readonly side: { readonly table: string; readonly key: string; readonly on: string } | null;
  /** Every column that can change an event, in a fixed order. */
  readonly hashed: readonly ColumnRef[];
  /** Words, normalised (lower case, blanks for `_` and `-`), to progress. What is not here is `unknown`. */
  readonly states: Readonly<Record<string, "not_started" | "running" | "finished">>;
  readonly verdicts: Readonly<Record<string, "pass" | "fail">>;
  /** Finished states whose result is not out yet, whatever the result column says. */
  readonly ungraded: readonly string[];
  /** Content types (normalised, without blanks) whose finish means "watched"; `withSide` only with a side row. */
  readonly watchable: { readonly always: readonly string[]; readonly withSide: readonly string[] };
  readonly activity: ActivityPreset;
}

export interface ActivityPreset {
  readonly self: TablePreset<"title"> & {
    readonly columns: Readonly<
      Partial<Record<"scoreMax" | "passPercentage" | "duration" | "courseId" | "mediaId", string>>
    >;
  };
  /** Where an empty title is looked up by `mediaId`. */
  readonly media: TablePreset<"title"> | null;
  /** Finds the one content that holds an activity which does not know its own place; `key` is the activity's id. */
  readonly placement: TablePreset<"contentId" | "courseId"> | null;
  /** The chapter of that content; optional, an LMS copy may lack the table. */
  readonly chapterOfContent: TablePreset<"chapterId"> | null;
}

export interface PeoplePreset extends TablePreset<"username" | "email" | "displayName" | "firstName" | "lastName"> {
  readonly active: string | null;
}

export interface Preset {
  readonly name: string;
  /** Part of the recipe number; never reused. */
  readonly number: number;
  readonly kinds: { readonly exam: KindPreset; readonly content: KindPreset };
  readonly courses: TablePreset<"title">;
  readonly chapters: TablePreset<"title" | "courseId">;
  readonly people: { readonly student: PeoplePreset; readonly mentor: PeoplePreset };
  /** Two-column tables; read by their student column. */
  readonly links: { readonly table: string; readonly mentor: string; readonly student: string };
  readonly batches: { readonly table: string; readonly batch: string; readonly student: string };
}

/** One table of a preset and every column read from it. */
export interface Requirement {
  readonly table: string;
  readonly columns: readonly string[];
  /** Columns that must be integers, since pages and buckets go by them. */
  readonly integerKeys: readonly string[];
  readonly optional: boolean;
}

/** Everything a preset reads, each table once, so that a check can name all that is missing at once. */
export function requirements(preset: Preset): Requirement[] {
  const found = new Map<string, { columns: Set<string>; keys: Set<string>; optional: boolean }>();
  const need = (table: string, columns: readonly string[], keys: readonly string[] = [], optional = false) => {
    const entry = found.get(table) ?? { columns: new Set(), keys: new Set(), optional };
    for (const column of [...keys, ...columns]) entry.columns.add(column);
    for (const key of keys) entry.keys.add(key);
    entry.optional &&= optional;
    found.set(table, entry);
  };
  const needTable = (t: TablePreset | null, optional = false) => {
    if (t !== null) need(t.table, [t.key, ...Object.values(t.columns)], [], optional);
  };
  for (const kind of Object.values(preset.kinds)) {
    const refs = [...Object.values(kind.columns), ...kind.hashed];
    need(kind.table, refs.filter((r) => !r.startsWith("side.")), [kind.key]);
    if (kind.side !== null) {
      need(kind.table, [kind.side.on]);
      need(kind.side.table, [
        kind.side.key,
        ...refs.filter((r) => r.startsWith("side.")).map((r) => r.slice("side.".length)),
      ]);
    }
    needTable(kind.activity.self);
    needTable(kind.activity.media);
    needTable(kind.activity.placement);
    needTable(kind.activity.chapterOfContent, true);
  }
  needTable(preset.courses);
  needTable(preset.chapters);
  for (const people of Object.values(preset.people)) {
    need(people.table, [...Object.values(people.columns), ...(people.active === null ? [] : [people.active])], [
      people.key,
    ]);
  }
  need(preset.links.table, [preset.links.mentor, preset.links.student]);
  need(preset.batches.table, [preset.batches.batch, preset.batches.student]);
  return [...found].map(([table, { columns, keys, optional }]) => ({
    table,
    columns: [...columns],
    integerKeys: [...keys],
    optional,
  }));
}
