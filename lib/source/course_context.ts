import { activitiesPage, contextPresets } from "../../sql/lms/context_preset.ts";
import { LONGEST_TEXT, type Preset } from "../../sql/lms/preset.ts";
import { integer, type LmsQueries } from "../../sql/lms/queries.ts";
import type { Enrolment, LmsActivity } from "../model/course_context.ts";
import type { LmsId } from "../model/event.ts";
import type { Person } from "../model/person.ts";
import { filledText } from "./clean_text.ts";
import type { LmsDriver, LmsSession } from "./lms_driver.ts";
import type { TimeReader } from "./lms_times.ts";
import { readId } from "./lms_values.ts";
import type { Catalog } from "./schema_check.ts";

/** Rows read at a time: a short statement, and little memory. */
const PER_PAGE = 1000;

/** What reading activities needs of a source. */
export interface ActivityReading {
  readonly preset: Preset;
  readonly driver: Pick<LmsDriver, "dialect">;
  readonly readTime: TimeReader;
}

/** One short transaction. */
type Read = <T>(
  work: (session: LmsSession, prepared: { readonly catalog: Catalog; readonly queries: LmsQueries }) => Promise<T>,
) => Promise<T>;

/** Activities with their dates, ascending by id; none where the LMS's copy has no such columns. */
export async function* readDatedActivities(
  { preset, driver: { dialect }, readTime }: ActivityReading,
  read: Read,
): AsyncGenerator<readonly LmsActivity[]> {
  const from = contextPresets.get(preset.name)?.activities ?? null;
  if (from === null) return;
  for (let after: LmsId | null = null;;) {
    const where: { after: LmsId | null; limit: number } = { after, limit: PER_PAGE };
    const page: LmsActivity[] | null = await read(async (session, { catalog, queries }) => {
      if (!catalog.has(from.table, [from.key, ...Object.values(from.columns)])) return null;
      const short = (expression: string) =>
        session.raw ? dialect.shortBytes(expression, LONGEST_TEXT) : dialect.shortText(expression, LONGEST_TEXT);
      const rows = await session.rows(activitiesPage(from, dialect, catalog.types, short, where));
      const ids = rows.flatMap(([key]) => readId(key) ?? []);
      const courses = await coursesOf(session, queries, preset, from.kind, ids);
      return rows.flatMap(([key, title, opens, due]) => {
        const id = readId(key);
        return id === null || id === undefined ? [] : [{
          kind: from.kind,
          id,
          title: filledText(title),
          courseId: courses.get(id) ?? null,
          opensAt: readTime(opens) ?? null,
          dueAt: readTime(due) ?? null,
          final: false,
        }];
      });
    });
    const last = page?.at(-1);
    if (page === null || last === undefined) return;
    yield page;
    if (page.length < PER_PAGE) return;
    after = last.id;
  }
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

/** What the accounts of students say: whether they are active, and in which batches. */
export async function* readEnrolments(
  preset: Preset,
  pages: AsyncIterable<readonly Person[]>,
): AsyncGenerator<readonly Enrolment[]> {
  if (contextPresets.get(preset.name)?.enrolments !== "accounts") return;
  for await (const page of pages) {
    yield page.flatMap(({ id, active, batchIds }) =>
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
}
