import {
  activitiesPage,
  type CourseEnrolments,
  courseEnrolments,
  type DatedActivities,
  exemptionsOf,
} from "../../sql/lms/context_preset.ts";
import { LONGEST_TEXT, type Preset } from "../../sql/lms/preset.ts";
import { integer, type LmsQueries } from "../../sql/lms/queries.ts";
import { KINDS } from "../model/event_types.ts";
import type { ContextRows, Enrolment, Exemption, LmsActivity } from "../model/course_context.ts";
import type { LmsId } from "../model/event.ts";
import type { Person } from "../model/person.ts";
import { filledText } from "./clean_text.ts";
import type { LmsDriver, LmsSession } from "./lms_driver.ts";
import type { TimeReaders } from "./lms_times.ts";
import { compareIds, readBoolean, readId } from "./lms_values.ts";
import type { Catalog } from "./schema_check.ts";

/** Rows read at a time: a short statement, and little memory. */
const PER_PAGE = 1000;

/** What reading due dates and memberships needs of a source. */
export interface ContextReading {
  readonly driver: Pick<LmsDriver, "dialect">;
  readonly times: TimeReaders;
  /** One short transaction. */
  readonly read: <T>(work: (session: LmsSession, prepared: Prepared) => Promise<T>) => Promise<T>;
}

interface Prepared {
  readonly preset: Preset;
  readonly catalog: Catalog;
  readonly queries: LmsQueries;
}

/** Activities with their dates, ascending by id; `null` where the LMS's copy has no such columns, or does not show them. */
export async function* readDatedActivities(reading: ContextReading): AsyncGenerator<ContextRows<LmsActivity>> {
  const lookups = await reading.read((_, { preset }) => Promise.resolve(preset.context?.activities?.length ?? 0));
  if (lookups === 0) return yield null;
  for (let lookup = 0; lookup < lookups; lookup++) {
    for (let after: LmsId | null = null;;) {
      const where: { after: LmsId | null; limit: number } = { after, limit: PER_PAGE };
      const page: LmsActivity[] | null = await reading.read(async (session, prepared) => {
        const from = prepared.preset.context?.activities?.[lookup];
        if (from === undefined || !isThere(from, prepared)) return null;
        return await activitiesOf(reading, session, prepared, from, where);
      });
      if (page === null) return yield null;
      const last = page.at(-1);
      if (last === undefined) break;
      yield page;
      after = last.id;
    }
  }
}

/** A query was described before; of a table some columns may be missing. */
function isThere(from: DatedActivities, { catalog }: Prepared): boolean {
  if ("from" in from) return true;
  return catalog.has(from.table, [
    from.key,
    ...Object.values(from.columns).filter((column) => typeof column === "string"),
  ]);
}

async function activitiesOf(
  { driver: { dialect }, times }: ContextReading,
  session: LmsSession,
  { preset, catalog, queries }: Prepared,
  from: DatedActivities,
  where: { readonly after: LmsId | null; readonly limit: number },
): Promise<LmsActivity[]> {
  const short = (expression: string) =>
    session.raw ? dialect.shortBytes(expression, LONGEST_TEXT) : dialect.shortText(expression, LONGEST_TEXT);
  const readTime = times(from.times);
  const rows = await session.rows(activitiesPage(from, dialect, catalog.types, short, where));
  const placed = from.columns.course === null
    ? await coursesOf(session, queries, preset, from.kind, rows.flatMap(([key]) => readId(key) ?? []))
    : null;
  return rows.flatMap(([key, title, opens, due, ...more]) => {
    const id = readId(key), course = placed === null ? more.shift() : null;
    return id === null || id === undefined ? [] : [{
      kind: from.kind,
      id,
      title: filledText(title),
      courseId: (placed === null ? readId(course) : placed.get(id)) ?? null,
      opensAt: readTime(opens) ?? null,
      dueAt: readTime(due) ?? null,
      final: readBoolean(more[0]) === true,
    }];
  });
}

/** The course of the one content that holds an activity; an activity in several contents has none, as its events have none. */
async function coursesOf(
  session: LmsSession,
  queries: LmsQueries,
  preset: Preset,
  kind: LmsActivity["kind"],
  ids: readonly LmsId[],
): Promise<Map<LmsId, LmsId | null>> {
  const placement = preset.kinds[kind]?.activity?.placement ?? null;
  if (placement === null || ids.length === 0) return new Map();
  const found = new Map<LmsId, (LmsId | null)[]>();
  const at = 1 + Object.keys(placement.columns).indexOf("courseId");
  for (const cells of await session.rows(queries.lookup(placement, ids.map(integer), kind))) {
    const id = readId(cells[0]) ?? "";
    found.set(id, [...found.get(id) ?? [], readId(cells[at]) ?? null]);
  }
  return new Map([...found].map(([id, courses]) => [id, courses.length === 1 ? courses[0] ?? null : null]));
}

/** Whom students belong to, a page of students at a time. */
export async function* readEnrolments(
  reading: ContextReading,
  pages: AsyncIterable<readonly Person[]>,
): AsyncGenerator<ContextRows<Enrolment>> {
  // Nothing says it: then nobody is read for it.
  if (await reading.read((_, { preset }) => Promise.resolve(!preset.context?.enrolments))) return yield null;
  for await (const page of pages) {
    yield await reading.read(async (session, { preset }) => {
      const from = preset.context?.enrolments ?? null;
      if (from === null) return null;
      return from === "accounts" ? accountsOf(page) : await courseEnrolmentsOf(reading, session, from, page);
    });
  }
}

/** What the accounts say: whether they are active, and in which batches. */
function accountsOf(page: readonly Person[]): Enrolment[] {
  const once = new Map(page.map((person) => [person.id, person])); // a query may give somebody twice
  return [...once.values()].flatMap(({ id, active, batchIds }) =>
    [["site", "0"] as const, ...batchIds.map((batch) => ["batch", batch] as const)].map(([scope, scopeId]) => ({
      studentId: id,
      scope,
      scopeId,
      active,
      joinedAt: null,
      leftAt: null,
    }))
  );
}

async function courseEnrolmentsOf(
  { driver: { dialect }, times }: ContextReading,
  session: LmsSession,
  from: CourseEnrolments,
  page: readonly Person[],
): Promise<Enrolment[]> {
  const readTime = times(from.times);
  const isActive = new Map(page.map(({ id, active }) => [id, active]));
  const rows = await session.rows(courseEnrolments(from, dialect, page.map(({ id }) => integer(id))));
  return rows.flatMap(([student, course, active, joined, left]) => {
    const [studentId, courseId] = [readId(student), readId(course)];
    if (!studentId || !courseId) return [];
    return [{
      studentId,
      scope: "course" as const,
      scopeId: courseId,
      // Whose account is suspended takes part in no course.
      active: active === "1" && isActive.get(studentId) !== false,
      joinedAt: readTime(joined) ?? null,
      leftAt: readTime(left) ?? null,
    }];
  }).toSorted((a, b) => compareIds(a.studentId, b.studentId));
}

/** For whom a date does not hold, a page of students at a time. */
export async function* readExemptions(
  reading: ContextReading,
  pages: AsyncIterable<readonly Person[]>,
): AsyncGenerator<ContextRows<Exemption>> {
  if (await reading.read((_, { preset }) => Promise.resolve(!preset.context?.exemptions))) return yield null;
  for await (const page of pages) {
    yield await reading.read(async (session, { preset }) => {
      const from = preset.context?.exemptions ?? null;
      if (from === null) return null;
      const ids = page.map(({ id }) => integer(id));
      const rows = await session.rows(exemptionsOf(from, reading.driver.dialect, ids));
      const found = rows.flatMap(([student, word, activity]): Exemption[] => {
        const [studentId, activityId] = [readId(student), readId(activity)];
        const kind = KINDS.find((kind) => kind === word?.trim().toLowerCase());
        return studentId && activityId && kind !== undefined ? [{ studentId, kind, activityId }] : [];
      });
      // One student may be exempt twice, as a member of two groups.
      const once = new Map(found.map((one) => [`${one.studentId} ${one.kind} ${one.activityId}`, one]));
      return [...once.values()].sort((a, b) => compareIds(a.studentId, b.studentId));
    });
  }
}
