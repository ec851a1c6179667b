import { type ActivityPreset, type IdSort, kindOf, type Preset, type TablePreset } from "../../sql/lms/preset.ts";
import { type LmsQueries, lookupColumns } from "../../sql/lms/queries.ts";
import type { Activity } from "../model/attempt.ts";
import type { LmsId } from "../model/event.ts";
import type { Kind } from "../model/event_types.ts";
import { cleanText, filledText } from "./clean_text.ts";
import type { Cell, LmsSession } from "./lms_driver.ts";
import type { LmsFaults } from "./lms_faults.ts";
import type { LmsKeys } from "./lms_keys.ts";
import { readId, readNumber } from "./lms_values.ts";
import type { OwnActivity, ReadRow } from "./row_reader.ts";
import { LONGEST_S } from "./time_taken.ts";

type DurationUnit = "auto" | "minutes" | "seconds";

export interface ActivityOptions {
  /** `lms.exam_duration_unit`; "auto": what the preset says. */
  readonly examDurationUnit: DurationUnit;
  readonly keys: LmsKeys;
  /** False when the LMS copy lacks the optional table that says in which chapter a content is. */
  readonly chapterOfContent: boolean;
  readonly faults: LmsFaults;
}

/** Above this an undeclared duration counts seconds: no exam lasts 600 minutes, none only 600 seconds. */
const LONGEST_IN_MINUTES = 600;

/** Activities that earlier pages of a pass were about, by topic: a pass over millions of rows meets the same few again. */
export type KnownActivities = Map<string, Activity>;

/** Beyond this they are forgotten: memory stays bounded whatever the LMS holds (P8). */
const MOST_KNOWN = 20_000;

/**
 * What the rows of one page are about, in their order. One query per table and page, by distinct id, in the rows' own snapshot.
 * What `known` has is not asked for; what is read is added to it. Whatever is missing is `null`; a title never costs a row.
 */
export async function readActivities(
  session: LmsSession,
  queries: LmsQueries,
  preset: Preset,
  kind: Kind,
  rows: readonly ReadRow[],
  options: ActivityOptions,
  known: KnownActivities = new Map(),
): Promise<(Activity | null)[]> {
  const { topics, topicOf } = topicsOf(rows);
  const unknown = topics.filter(({ name }) => !known.has(name));
  const found = await readTopics(session, queries, preset, kind, unknown, options);
  unknown.forEach(({ name }, i) => found[i] && known.set(name, found[i]));
  const activities = topics.map(({ name }) => known.get(name) ?? null);
  if (known.size > MOST_KNOWN) known.clear();
  return topicOf.map((topic) => activities[topic] ?? null);
}

async function readTopics(
  session: LmsSession,
  queries: LmsQueries,
  preset: Preset,
  kind: Kind,
  topics: readonly Topic[],
  options: ActivityOptions,
): Promise<Activity[]> {
  const { activity, durationUnit = "auto" } = kindOf(preset, kind);
  const wanted = ids(topics.map((t) => t.activityId));
  const lookup = lookupIn(session, queries, options);
  const { keys } = options;
  const none = new Map<LmsId, Values>();
  const selves = activity === null ? none : single(await lookup(activity.self, wanted, kind));
  const places = activity === null ? new Map<LmsId, Place>() : await placesOf(lookup, activity, kind, wanted, options);

  const media = activity === null || activity.media === null ? none : single(
    await lookup(
      activity.media,
      ids(topics.flatMap(({ activityId, mediaId }) => {
        const self = selves.get(activityId);
        return filledText(self?.title) === null ? [mediaId, readId(self?.mediaId)] : [];
      })),
      "media",
    ),
  );
  const placed = topics.map(({ activityId, courseId, chapterId }) => {
    const self = selves.get(activityId), place = places.get(activityId);
    return {
      courseId: courseId ?? keys.read("course", self?.courseId) ?? place?.courseId ?? null,
      chapterId: chapterId ?? keys.read("chapter", self?.chapterId) ?? place?.chapterId ?? null,
    };
  });
  const chapters = preset.chapters === null
    ? none
    : single(await lookup(preset.chapters, ids(placed.map((p) => p.chapterId)), "chapter"));
  for (const place of placed) {
    place.courseId ??= keys.read("course", chapters.get(place.chapterId ?? "")?.courseId) ?? null;
  }
  const courses = preset.courses === null
    ? none
    : single(await lookup(preset.courses, ids(placed.map((p) => p.courseId)), "course"));
  const unit = options.examDurationUnit === "auto" ? durationUnit : options.examDurationUnit;

  return topics.map((topic, index) =>
    activityOf(topic, placed[index] ?? { courseId: null, chapterId: null }, { selves, media, courses, chapters }, unit)
  );
}

/** What was looked up, by id. */
interface Found {
  readonly selves: ReadonlyMap<LmsId, Values>;
  readonly media: ReadonlyMap<LmsId, Values>;
  readonly courses: ReadonlyMap<LmsId, Values>;
  readonly chapters: ReadonlyMap<LmsId, Values>;
}

/** What the row itself says of its activity goes before what was looked up. */
function activityOf(
  { activityId, mediaId, own }: Topic,
  { courseId, chapterId }: Place,
  { selves, media, courses, chapters }: Found,
  unit: DurationUnit,
): Activity {
  const self = selves.get(activityId);
  const film = media.get(mediaId ?? "") ?? media.get(readId(self?.mediaId) ?? "");
  return {
    id: activityId,
    title: own?.title ?? filledText(self?.title) ?? filledText(film?.title),
    scoreMax: own?.scoreMax ?? readNumber(self?.scoreMax) ?? null,
    passPercentage: own?.passPercentage ?? readNumber(self?.passPercentage) ?? null,
    durationAllowedS: durationAllowed(own?.duration ?? self?.duration, unit),
    courseId,
    course: own?.course ?? filledText(courses.get(courseId ?? "")?.title),
    chapterId,
    chapter: own?.chapter ?? filledText(chapters.get(chapterId ?? "")?.title),
  };
}

interface Topic {
  readonly name: string;
  readonly activityId: LmsId;
  readonly courseId: LmsId | null;
  readonly chapterId: LmsId | null;
  readonly mediaId: LmsId | null;
  readonly own: OwnActivity | null;
}

interface Place {
  readonly courseId: LmsId | null;
  readonly chapterId: LmsId | null;
}

/** The different things the rows are about; thousands of rows share few. -1 for a row about nothing. */
function topicsOf(rows: readonly ReadRow[]): { topics: Topic[]; topicOf: number[] } {
  const topics: Topic[] = [];
  const known = new Map<string, number>();
  const topicOf = rows.map(({ row: { activityId, courseId, chapterId }, mediaId, own }) => {
    if (activityId === null) return -1;
    const place = `${activityId}/${courseId}/${chapterId}/${mediaId}`;
    const key = own === null ? place : `${place}/${JSON.stringify(own)}`;
    const index = known.get(key) ?? topics.length;
    if (index === topics.length) {
      known.set(key, index);
      topics.push({ name: key, activityId, courseId, chapterId, mediaId, own });
    }
    return index;
  });
  return { topics, topicOf };
}

/** Seconds out of the LMS's number, whose unit it does not document; `null` for none, zero and what no exam lasts. */
export function durationAllowed(text: Cell | undefined, unit: DurationUnit): number | null {
  const value = readNumber(text) ?? null;
  if (value === null || value <= 0) return null;
  const seconds = unit === "seconds" || (unit === "auto" && value > LONGEST_IN_MINUTES) ? value : value * 60;
  return seconds > LONGEST_S ? null : seconds;
}

type Values = Readonly<Record<string, Cell | undefined>>;

/** Course and chapter of activities that exactly one content holds. */
async function placesOf(
  lookup: Lookup,
  activity: ActivityPreset,
  kind: Kind,
  wanted: readonly LmsId[],
  options: ActivityOptions,
): Promise<Map<LmsId, Place>> {
  if (activity.placement === null) return new Map();
  const { keys } = options;
  const holders = single(await lookup(activity.placement, wanted, kind));
  const chapterOf = activity.chapterOfContent === null || !options.chapterOfContent ? new Map<LmsId, Values>() : single(
    await lookup(
      activity.chapterOfContent,
      ids([...holders.values()].map((h) => keys.read("content", h.contentId))),
      "content",
    ),
  );
  return new Map([...holders].map(([id, holder]) => [id, {
    courseId: keys.read("course", holder.courseId) ?? null,
    chapterId: keys.read("chapter", chapterOf.get(keys.read("content", holder.contentId) ?? "")?.chapterId) ?? null,
  }]));
}

/** `sort`: whose ids; those of media are whole numbers. */
type Lookup = (
  table: TablePreset<never, string>,
  wanted: readonly LmsId[],
  sort: IdSort | "media",
) => Promise<Map<LmsId, Values[]>>;

function lookupIn(session: LmsSession, queries: LmsQueries, { faults, keys }: ActivityOptions): Lookup {
  return async (table, wanted, sort) => {
    const found = new Map<LmsId, Values[]>();
    const texts = sort === "media" ? wanted : [...(await keys.textsOf(sort, wanted)).values()];
    if (texts.length === 0) return found;
    const names = lookupColumns(table).map(([name]) => name);
    const what = "table" in table ? table.table : sort;
    for (const cells of await session.rows(queries.lookup(table, texts, sort))) {
      const key = (sort === "media" ? readId(cells[0]) : keys.read(sort, cells[0])) ?? "";
      const note = () => faults.noteText(what, key);
      const values = Object.fromEntries(names.map((name, i) => [name, cleanText(cells[i + 1], note)]));
      const list = found.get(key);
      if (list === undefined) found.set(key, [values]);
      else list.push(values);
    }
    return found;
  };
}

/** Only what is there exactly once: two answers are no answer. */
function single(found: Map<LmsId, Values[]>): Map<LmsId, Values> {
  return new Map([...found].flatMap(([key, list]) => list.length === 1 && list[0] ? [[key, list[0]]] : []));
}

function ids(list: readonly (LmsId | null | undefined)[]): LmsId[] {
  return [...new Set(list)].filter((id) => id !== null && id !== undefined);
}
