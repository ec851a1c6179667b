import type { Preset } from "../../sql/lms/preset.ts";
import type { LmsQueries } from "../../sql/lms/queries.ts";
import type { LmsId } from "../model/event.ts";
import type { MentorLinks, Person, Role } from "../model/person.ts";
import { chunks, distinct } from "./id_lists.ts";
import type { LmsSession } from "./lms_driver.ts";
import { type PeopleOptions, readLinks, readPeople } from "./people.ts";

const PEOPLE_PER_PAGE = 1000;

/** What people are read with: one transaction a page. */
export interface PeopleAccess extends PeopleOptions {
  read<T>(work: (session: LmsSession, queries: LmsQueries, preset: Preset) => Promise<T>): Promise<T>;
}

/** People of a role by their ids. */
export async function peopleByIds(access: PeopleAccess, role: Role, ids: readonly LmsId[]): Promise<Person[]> {
  const found: Person[] = [];
  for (const chunk of chunks(distinct(ids), PEOPLE_PER_PAGE)) {
    found.push(
      ...await access.read((session, queries, preset) =>
        readPeople(session, queries, preset, role, { ids: chunk }, access)
      ),
    );
  }
  await access.keys.keep();
  return found;
}

/** Everybody of a role, page by page. */
export async function* everybody(access: PeopleAccess, role: Role): AsyncIterable<readonly Person[]> {
  for (let after: LmsId | null = null;;) {
    const where: { after: LmsId | null; limit: number } = { after, limit: PEOPLE_PER_PAGE };
    const page: Person[] = await access.read((session, queries, preset) =>
      readPeople(session, queries, preset, role, where, access)
    );
    const last = page.at(-1);
    if (last === undefined) return;
    await access.keys.keep();
    yield page;
    after = last.id; // a page may be shorter for ids that cannot be kept: only an empty one is the end
  }
}

/** Mentors of students. */
export async function linksOf(access: PeopleAccess, studentIds: readonly LmsId[]): Promise<MentorLinks> {
  const links = new Map<LmsId, readonly LmsId[]>();
  for (const chunk of chunks(distinct(studentIds), PEOPLE_PER_PAGE)) {
    const found = await access.read((session, queries, preset) => readLinks(session, queries, preset, chunk, access));
    for (const [student, mentors] of found) links.set(student, mentors);
  }
  await access.keys.keep();
  return links;
}
