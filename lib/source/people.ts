import type { Preset } from "../../sql/lms/preset.ts";
import type { LmsQueries } from "../../sql/lms/queries.ts";
import type { LmsId } from "../model/event.ts";
import type { Person, Role } from "../model/person.ts";
import { filledText } from "./clean_text.ts";
import type { Cell, LmsSession } from "./lms_driver.ts";
import type { LmsFaults } from "./lms_faults.ts";
import type { LmsKeys } from "./lms_keys.ts";
import { compareIds, readBoolean } from "./lms_values.ts";

export interface PeopleOptions {
  readonly faults: LmsFaults;
  readonly keys: LmsKeys;
}

/** People of a role by id or in a page, ascending by id (by key where ids are texts); students with their batches, in the same snapshot. */
export async function readPeople(
  session: LmsSession,
  queries: LmsQueries,
  preset: Preset,
  role: Role,
  where: { readonly ids: readonly LmsId[] } | { readonly after: LmsId | null; readonly limit: number },
  { faults, keys }: PeopleOptions,
): Promise<Person[]> {
  const from = preset.people[role];
  const table = "table" in from ? from.table : role;
  const wanted = "ids" in where
    ? { ids: [...(await keys.textsOf(role, where.ids)).values()] }
    : where.after === null
    ? where
    : { ...where, after: await keyAfter(keys, role, where.after) };
  if ("ids" in wanted && wanted.ids.length === 0) return [];
  const rows = await session.rows(queries.people(role, wanted));
  const people = rows.map(([key, username, email, displayName, firstName, lastName, active]) => {
    const id = keys.read(role, key) ?? "";
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
  }).filter(({ id }) => id !== "");
  // The next page begins after the last person in the LMS's order; for texts that is not the order of the ids.
  if (!keys.isText(role)) people.sort((a, b) => compareIds(a.id, b.id));
  if (role === "student" && people.length > 0 && preset.batches !== null) {
    const { batches } = preset;
    const byId = new Map(people.map((person) => [person.id, person]));
    const texts = [...(await keys.textsOf(role, [...byId.keys()])).values()];
    for (const [student, batch] of await session.rows(queries.batches(batches, texts))) {
      const batchId = linked(nameOf(batches), batch, "batch", { faults, keys });
      if (batchId !== null) byId.get(keys.read(role, student) ?? "")?.batchIds.push(batchId);
    }
    for (const person of people) person.batchIds = [...new Set(person.batchIds)].sort(compareIds);
  }
  return people;
}

/** The LMS's own key at which a page ended. Throws RangeError when it is unknown: from the beginning it would never end. */
async function keyAfter(keys: LmsKeys, role: Role, id: LmsId): Promise<string> {
  const key = (await keys.textsOf(role, [id])).get(id);
  if (key === undefined) throw new RangeError(`Cannot read on after ${role} ${id}: the LMS's key of it is not known`);
  return key;
}

/** Mentors of students, in ascending order; added to `links`. */
export async function readLinks(
  session: LmsSession,
  queries: LmsQueries,
  preset: Preset,
  studentIds: readonly LmsId[],
  { faults, keys }: PeopleOptions,
): Promise<[LmsId, LmsId[]][]> {
  const links = new Map<LmsId, Set<LmsId>>(); // Prisma's older link tables have no key, so a link may be there twice
  const texts = [...(await keys.textsOf("student", studentIds)).values()];
  if (texts.length === 0) return [];
  for (const [student, mentor] of await session.rows(queries.links(texts))) {
    const studentId = keys.read("student", student);
    const mentorId = linked(nameOf(preset.links), mentor, "mentor", { faults, keys });
    if (!studentId || mentorId === null) continue;
    const known = links.get(studentId);
    if (known === undefined) links.set(studentId, new Set([mentorId]));
    else known.add(mentorId);
  }
  return [...links].map(([student, mentors]) => [student, [...mentors].sort(compareIds)]);
}

/** Where a link leads; an id that cannot be kept leads nowhere. */
function linked(
  table: string,
  cell: Cell | undefined,
  sort: "mentor" | "batch",
  { faults, keys }: PeopleOptions,
): LmsId | null {
  const id = keys.read(sort, cell);
  if (id === undefined) faults.noteLink(table, cell ?? "");
  return id ?? null;
}

const nameOf = (from: Preset["links"] | NonNullable<Preset["batches"]>) =>
  "table" in from ? from.table : "mentor" in from ? "links" : "batches";
