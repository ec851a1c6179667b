import type { Preset } from "../../sql/lms/preset.ts";
import type { LmsQueries } from "../../sql/lms/queries.ts";
import type { LmsId } from "../model/event.ts";
import type { Person, Role } from "../model/person.ts";
import { filledText } from "./clean_text.ts";
import type { Cell, LmsSession } from "./lms_driver.ts";
import type { LmsFaults } from "./lms_faults.ts";
import { compareIds, readBoolean, readId } from "./lms_values.ts";

/** People of a role by id or in a page, ascending by id; students with their batches, in the same snapshot. */
export async function readPeople(
  session: LmsSession,
  queries: LmsQueries,
  preset: Preset,
  role: Role,
  where: { readonly ids: readonly LmsId[] } | { readonly after: LmsId | null; readonly limit: number },
  faults: LmsFaults,
): Promise<Person[]> {
  const { table } = preset.people[role];
  const rows = await session.rows(queries.people(preset.people[role], where));
  const people = rows.map(([key, username, email, displayName, firstName, lastName, active]) => {
    const id = readId(key) ?? "";
    const filled = (text: Cell | undefined) => filledText(text, () => faults.noteText(table, id));
    return {
      role,
      id,
      username: filled(username),
      email: filled(email),
      name: filled(displayName) ?? filledText([firstName, lastName].map((part) => filled(part) ?? "").join(" ")),
      // Only a plain "no" makes somebody inactive: an unset flag must not silence a student.
      active: readBoolean(active) ?? true,
      batchIds: [] as LmsId[],
    };
  }).sort((a, b) => compareIds(a.id, b.id));
  if (role === "student" && people.length > 0) {
    const byId = new Map(people.map((person) => [person.id, person]));
    for (const [student, batch] of await session.rows(queries.batches([...byId.keys()]))) {
      const batchId = linked(preset.batches.table, batch, faults);
      if (batchId !== null) byId.get(readId(student) ?? "")?.batchIds.push(batchId);
    }
    for (const person of people) person.batchIds = [...new Set(person.batchIds)].sort(compareIds);
  }
  return people;
}

/** Mentors of students, in ascending order; added to `links`. */
export async function readLinks(
  session: LmsSession,
  queries: LmsQueries,
  preset: Preset,
  studentIds: readonly LmsId[],
  faults: LmsFaults,
): Promise<[LmsId, LmsId[]][]> {
  const links = new Map<LmsId, Set<LmsId>>(); // Prisma's older link tables have no key, so a link may be there twice
  for (const [student, mentor] of await session.rows(queries.links(studentIds))) {
    const studentId = readId(student), mentorId = linked(preset.links.table, mentor, faults);
    if (!studentId || mentorId === null) continue;
    const known = links.get(studentId);
    if (known === undefined) links.set(studentId, new Set([mentorId]));
    else known.add(mentorId);
  }
  return [...links].map(([student, mentors]) => [student, [...mentors].sort(compareIds)]);
}

/** Where a link leads; an id that cannot be kept leads nowhere. */
function linked(table: string, cell: Cell | undefined, faults: LmsFaults): LmsId | null {
  const id = readId(cell);
  if (id === undefined) faults.noteLink(table, cell ?? "");
  return id ?? null;
}
