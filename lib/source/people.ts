import type { Preset } from "../../sql/lms/preset.ts";
import type { LmsQueries } from "../../sql/lms/queries.ts";
import type { LmsId } from "../model/event.ts";
import type { Person, Role } from "../model/person.ts";
import { filledText } from "./clean_text.ts";
import type { LmsSession } from "./lms_driver.ts";
import { compareIds, readBoolean, readId } from "./lms_values.ts";

/** People of a role by id or in a page, ascending by id; students with their batches, in the same snapshot. */
export async function readPeople(
  session: LmsSession,
  queries: LmsQueries,
  preset: Preset,
  role: Role,
  where: { readonly ids: readonly LmsId[] } | { readonly after: LmsId | null; readonly limit: number },
): Promise<Person[]> {
  const rows = await session.rows(queries.people(preset.people[role], where));
  const people = rows.map(([id, username, email, displayName, firstName, lastName, active]) => ({
    role,
    id: readId(id) ?? "",
    username: filledText(username),
    email: filledText(email),
    name: filledText(displayName) ?? filledText([firstName, lastName].map((part) => filledText(part) ?? "").join(" ")),
    // Only a plain "no" makes somebody inactive: an unset flag must not silence a student.
    active: readBoolean(active) ?? true,
    batchIds: [] as LmsId[],
  })).sort((a, b) => compareIds(a.id, b.id));
  if (role === "student" && people.length > 0) {
    const byId = new Map(people.map((person) => [person.id, person]));
    for (const [student, batch] of await session.rows(queries.batches([...byId.keys()]))) {
      const batchId = readId(batch);
      if (batchId) byId.get(readId(student) ?? "")?.batchIds.push(batchId);
    }
    for (const person of people) person.batchIds = [...new Set(person.batchIds)].sort(compareIds);
  }
  return people;
}
