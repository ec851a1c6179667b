import { erasedWithIds, personsBehind, personsWithIds, tombstoneNamed } from "../../sql/state/erasures.ts";
import { type Among, nearPeople, ownKeys, peopleNamed, studentsNamed } from "../../sql/state/find_people.ts";
import { CommandError } from "../base/errors.ts";
import type { LmsId } from "../model/event.ts";
import { textId } from "../model/key_space.ts";
import { isHeldId } from "../model/lms_ids.ts";
import type { Role } from "../model/person.ts";
import { isPseudonym } from "../model/pseudonym.ts";
import { arrayLiteral, numberArrayLiteral } from "../state/array_literal.ts";
import type { Queryable } from "../state/state_db.ts";
import { nearest } from "../text/nearest.ts";

/** Where to look; not given: everywhere. */
export interface Where {
  readonly role?: Role | null;
  readonly source?: string | null;
}

export interface FoundPerson {
  readonly role: Role;
  readonly source: string;
  readonly id: LmsId;
}

/** THE way in which a command takes a student or a mentor. Throws CommandError with the ids of those who may have been meant. */
export async function findPerson(sql: Queryable, source: string, role: Role, asked: string): Promise<LmsId> {
  const [person, other] = await findPeople(sql, asked, { role, source });
  if (person === undefined) throw await noSuchPerson(sql, asked, { role, source });
  if (other === undefined) return person.id;
  throw await severalPeople(sql, role, [person, other]);
}

/** Of a username that several people of one source have. */
export async function severalPeople(
  sql: Queryable,
  role: Role,
  found: readonly Pick<FoundPerson, "source" | "id">[],
): Promise<CommandError> {
  const keys = await shownKeys(sql, found.slice(0, 2).map(({ id }) => id));
  return new CommandError(`Cannot tell which ${role} of ${found[0]?.source} is meant: several have that username`, {
    hint: `give the id: ${keys.join(", ")}, …`,
  });
}

/**
 * Everybody whom a text names: by id, by the LMS's own key where that is a text, by pseudonym, or else by username, in the letters
 * given if somebody has it so. Nobody: empty.
 */
export async function findPeople(sql: Queryable, asked: string, where: Where): Promise<FoundPerson[]> {
  const name = asked.trim();
  const among = amongOf(where);
  if (name === "" || name.includes("\0")) return [];
  const ids = idsOf(name);
  const named = await peopleNamed(sql, among, name, ids);
  // An id is meant before a username that looks like one, in each source and role.
  const best = new Map<string, number>();
  for (const { role, source, rank } of named) {
    const key = `${role}:${source}`;
    best.set(key, Math.min(best.get(key) ?? rank, rank));
  }
  const found: FoundPerson[] = named.filter(({ role, source, rank }) => rank === best.get(`${role}:${source}`))
    .map(({ role, source, id }) => ({ role, source, id }));
  // Of some people only events or enrolments are known.
  const needsAll = found.length === 0 || among.source === null;
  const others = !needsAll
    ? []
    : isPseudonym(name) && found.length === 0
    ? await personsBehind(sql, [name])
    : await personsWithIds(sql, ids);
  const isNew = (person: FoundPerson) =>
    (among.role === null || among.role === person.role) && (among.source === null || among.source === person.source) &&
    !found.some(({ role, source, id }) => role === person.role && source === person.source && id === person.id);
  return [...found, ...others.filter(isNew)].toSorted((a, b) =>
    a.role.localeCompare(b.role) || a.source.localeCompare(b.source) || Number(BigInt(a.id) - BigInt(b.id))
  );
}

/**
 * The students that each of many names may mean, as findPeople has it, in one question: by name as given, none where nobody has it.
 */
export async function findStudents(
  sql: Queryable,
  source: string,
  names: readonly string[],
): Promise<Map<string, readonly LmsId[]>> {
  const wanted = [...new Set(names.filter((name) => name !== "" && !name.includes("\0")))];
  const numbered = wanted.flatMap((name) => idsOf(name).map((id) => ({ name, id })));
  const rows = await studentsNamed(
    sql,
    source,
    arrayLiteral(wanted),
    arrayLiteral(numbered.map(({ name }) => name)),
    numberArrayLiteral(numbered.map(({ id }) => id)),
  );
  const found = new Map<string, LmsId[]>();
  for (const [name, list] of Map.groupBy(rows, (row) => row.name)) {
    const best = Math.min(...list.map(({ rank }) => rank)); // an id is meant before a username that looks like one
    found.set(name, list.filter(({ rank }) => rank === best).map(({ id }) => id));
  }
  return found;
}

/** Whom of those that were erased this id was, or the LMS's own key, as students and mentors may have the same. */
export async function findErased(sql: Queryable, asked: string, { role, source }: Where): Promise<FoundPerson[]> {
  const name = asked.trim();
  if (name === "" || name.includes("\0")) return [];
  return (await erasedWithIds(sql, idsOf(name))).filter((person) =>
    (role ?? person.role) === person.role && (source ?? person.source) === person.source
  );
}

/** The student whose pseudonym this is was erased. */
export async function isErasedStudent(sql: Queryable, asked: string): Promise<boolean> {
  return isPseudonym(asked.trim()) && (await tombstoneNamed(sql, asked.trim())).some(({ role }) => role === "student");
}

/** Of a text that names nobody: what may have been meant, as ids; an error names nobody. */
export async function noSuchPerson(sql: Queryable, asked: string, where: Where): Promise<CommandError> {
  const name = asked.trim();
  const what = where.role ?? "person";
  const place = where.source ? ` in ${where.source}` : "";
  const [tombstone] = isPseudonym(name) ? await tombstoneNamed(sql, name) : [];
  if (tombstone !== undefined) {
    return new CommandError(`Cannot find ${what} ${name}${place}: this ${tombstone.role} was erased`, {
      hint: `erased for ${tombstone.reason_code}; events are left, and nothing that says whose they are`,
    });
  }
  const isNumber = /^-?\d{1,20}$/.test(name);
  const [erased] = await findErased(sql, name, where);
  if (erased !== undefined) {
    const id = isNumber ? ` ${name}` : " with that id";
    return new CommandError(`Cannot find ${what}${id}${place}: this ${erased.role} was erased`, {
      hint: "events are left, and nothing that says whose they are",
    });
  }
  const shown = isNumber || isPseudonym(name) ? ` ${name}` : " of that username";
  const hints: string[] = [];
  if (where.role) {
    const other: Role = where.role === "student" ? "mentor" : "student";
    const [instead] = await findPeople(sql, name, { ...where, role: other });
    if (instead !== undefined) hints.push(`${other} ${(await shownKeys(sql, [instead.id])).join("")} has it`);
  }
  const like = name.toLowerCase();
  const near = like === "" || like.includes("\0") ? [] : await nearPeople(sql, amongOf(where), like);
  const candidates = near.flatMap(({ id, username }) => [
    { id, text: id },
    ...(username === null ? [] : [{ id, text: username.toLowerCase() }]),
  ]);
  const meant = nearest(like, candidates);
  if (meant.length > 0) hints.push(`Did you mean ${what} ${meant.join(" or ")}?`);
  return new CommandError(`Cannot find ${what}${shown}${place}`, {
    hint: hints.length > 0
      ? hints.join(". ")
      : "give the LMS's id (`lmsmon map-users` lists ids and addresses), the username, or the pseudonym of an export; " +
        "by a username nobody is found who was erased",
  });
}

/** Ids as the LMS has them. */
export async function shownKeys(sql: Queryable, ids: readonly LmsId[]): Promise<string[]> {
  return (await ownKeys(sql, numberArrayLiteral(ids))).map(({ key }) => key);
}

const amongOf = ({ role = null, source = null }: Where): Among => ({ role, source });

/** The ids that a text may be: the number that it is, and those that stand for it where the LMS's keys are texts. */
function idsOf(name: string): LmsId[] {
  const plain = /^-?\d{1,20}$/.test(name) && isHeldId(name) ? [BigInt(name).toString()] : [];
  return [...plain, textId("student", name), textId("mentor", name)];
}
