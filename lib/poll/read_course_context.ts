import { z } from "zod";
import type { ContextPage } from "../../sql/state/course_context.ts";
import { readFact, writeFact } from "../../sql/state/facts.ts";
import { linkedStudents } from "../../sql/state/people.ts";
import type { ContextRows, CourseContextSource } from "../model/course_context.ts";
import { KINDS } from "../model/event_types.ts";
import { type EpochMicros, formatUtc } from "../model/time.ts";
import type { Lease } from "../state/leases.ts";
import { fenced } from "../state/fenced.ts";
import type { StateDb } from "../state/state_db.ts";
import type { PeopleCache } from "./people_cache.ts";
import { refreshLinks } from "./record/people.ts";
import { recordActivities, recordEnrolments, recordExemptions } from "./record/course_context.ts";

/** The fact that says when the lookups were read whole last. */
const FACT = "course_context";
const ReadFact = z.object({ at: z.number() });
const PAGE_STUDENTS = 2_000;

export interface ContextReading {
  readonly db: StateDb;
  readonly lms: CourseContextSource;
  readonly people: Pick<PeopleCache, "unreadLinks">;
  readonly lease: Lease;
  readonly now: EpochMicros;
  /** Not again within so long of the last time; 0: always. */
  readonly restMs: number;
  readonly signal: AbortSignal;
}

/**
 * Reads due dates, enrolments and exemptions whole and keeps what changed, a page at a time, so that memory and transactions stay
 * small. Until the first look is whole, all that it finds counts as old: a crash in the middle changes nothing. Resolves to whether it read.
 */
export async function readCourseContext(reading: ContextReading): Promise<boolean> {
  const { db, lms, people, lease, now, restMs } = reading;
  if (!lms.activities && !lms.enrolments && !lms.exemptions) return false;
  const [fact] = await readFact(db.sql, lease.source, FACT);
  const last = ReadFact.safeParse(fact?.value).data?.at ?? null;
  if (last !== null && now - last < restMs * 1000 && now >= last) return false;
  const page = { source: lease.source, at: formatUtc(now), history: last === null };
  await readActivities(reading, page);
  const hasEnrolments = await readPages(
    reading,
    page,
    lms.enrolments?.(),
    ({ studentId }) => studentId,
    async (bounds, list) => {
      await recordEnrolments(db, lease, bounds, list);
      // Also of students without any event: a mentor is to see who never began.
      const ids = [...new Set(list.map(({ studentId }) => studentId))];
      await refreshLinks(db, lease.source, [], await people.unreadLinks(ids));
    },
  );
  if (!hasEnrolments) await readKnownMentors(reading);
  await readPages(
    reading,
    page,
    lms.exemptions?.(),
    ({ studentId }) => studentId,
    (bounds, list) => recordExemptions(db, lease, bounds, list),
  );
  await fenced(db, lease, (tx) => writeFact(tx, lease.source, FACT, JSON.stringify({ at: now })));
  return true;
}

/**
 * Who the mentors are of students that were met, where there are no enrolments to go through: of one who does nothing any more no news
 * would ask for them, and it is just such students that a mentor is to hear of, and a former one no longer.
 */
async function readKnownMentors({ db, people, lease, signal }: ContextReading): Promise<void> {
  let after: string | null = null;
  while (true) {
    signal.throwIfAborted();
    const students = await linkedStudents(db.sql, lease.source, after, PAGE_STUDENTS);
    const ids: readonly string[] = students.map((row) => row.student_id);
    if (ids.length === 0) return;
    await refreshLinks(db, lease.source, [], await people.unreadLinks(ids));
    after = ids.at(-1) ?? null;
  }
}

type Page = Omit<ContextPage, "from" | "to">;

/** By kind: the pages of each, then the end of the kinds that came with none. */
async function readActivities({ db, lms, lease, signal }: ContextReading, page: Page): Promise<void> {
  if (!lms.activities) return;
  const ends = new Map<string, string>();
  for await (const list of lms.activities()) {
    signal.throwIfAborted();
    if (list === null) return;
    for (const kind of KINDS) {
      const ofKind = list.filter((activity) => activity.kind === kind);
      const to = ofKind.at(-1)?.id;
      if (to === undefined) continue;
      await recordActivities(db, lease, { ...page, from: ends.get(kind) ?? null, to }, kind, ofKind);
      ends.set(kind, to);
    }
  }
  for (const kind of KINDS) {
    await recordActivities(db, lease, { ...page, from: ends.get(kind) ?? null, to: null }, kind, []);
  }
}

/** Resolves to whether the LMS says it at all. */
async function readPages<T>(
  { signal }: ContextReading,
  page: Page,
  pages: AsyncIterable<ContextRows<T>> | undefined,
  keyOf: (item: T) => string,
  record: (bounds: ContextPage, list: readonly T[]) => Promise<void>,
): Promise<boolean> {
  if (pages === undefined) return false;
  let from: string | null = null;
  for await (const list of pages) {
    signal.throwIfAborted();
    if (list === null) return false; // a right that is missing for a moment must not end everybody's membership
    const last = list.at(-1);
    if (last === undefined) continue;
    await record({ ...page, from, to: keyOf(last) }, list);
    from = keyOf(last);
  }
  await record({ ...page, from, to: null }, []);
  return true;
}
