import type { LmsId } from "../model/event.ts";
import { studentsWithUndelivered } from "../../sql/state/people.ts";
import { refreshLinks } from "./record/people.ts";
import type { StateDb } from "../state/state_db.ts";
import type { PollContext } from "./poll_context.ts";

const PAGE_STUDENTS = 2_000;

/**
 * Reads again who the mentors are of every student with something left to tell, so that recipients are resolved by what
 * the LMS says now, also while delivery goes on without it.
 */
export async function refreshWaitingLinks(context: PollContext, db: StateDb, source: string): Promise<void> {
  let after: LmsId | null = null;
  while (true) {
    context.signal.throwIfAborted();
    const students = await studentsWithUndelivered(db.sql, source, after, PAGE_STUDENTS);
    const ids = students.map((row) => row.student_id);
    if (ids.length === 0) return;
    const { fresh, links } = await context.people.of(new Set(ids));
    await refreshLinks(db, source, fresh, new Map(ids.map((id) => [id, links.get(id) ?? []])));
    after = ids.at(-1) ?? null;
  }
}
