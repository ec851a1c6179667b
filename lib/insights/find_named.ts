import { distance } from "fastest-levenshtein";
import { type CourseRow, courses, peopleLike, type PersonNameRow } from "../../sql/state/insight_names.ts";
import { CommandError } from "../base/errors.ts";
import type { Role } from "../model/person.ts";
import type { Queryable } from "../state/state_db.ts";

const NEAREST = 5;
const LOOKED_AT = 200;

/** A student or mentor by id or username. Throws CommandError with what is near it. */
export async function findPerson(sql: Queryable, source: string, role: Role, text: string): Promise<PersonNameRow> {
  const wanted = text.trim();
  const best = await exactPerson(sql, source, role, wanted);
  if (best !== null) return best;
  const near = [...await peopleLike(sql, source, role, like(wanted, wanted.slice(0, 2)), LOOKED_AT)];
  const names = nearest(wanted, near.flatMap(({ id, username }) => [id, ...(username === null ? [] : [username])]));
  throw new CommandError(`Cannot find ${role} ${quoted(wanted)}: no such id or username`, {
    hint: names.length === 0 ? `the state knows no ${role} like it` : `did you mean ${names.join(", ")}?`,
  });
}

/** The student or mentor of this id or username; `null`: none. */
export async function exactPerson(
  sql: Queryable,
  source: string,
  role: Role,
  wanted: string,
): Promise<PersonNameRow | null> {
  const [best] = await peopleLike(sql, source, role, like(wanted, wanted), 1);
  const isIt = best !== undefined && (best.id === wanted || best.username?.toLowerCase() === wanted.toLowerCase());
  return isIt ? best : null;
}

const like = (exact: string, start: string) => ({
  exact,
  id: /^\d{1,18}$/.test(exact) ? BigInt(exact).toString() : null,
  start: start.replace(/[\\%_]/g, "\\$&"),
});

/** A course by id or title. Throws CommandError with what is near it. */
export async function findCourse(sql: Queryable, source: string, text: string): Promise<CourseRow> {
  const wanted = text.trim();
  const all = [...await courses(sql, source)];
  const found = all.find(({ course_id }) => course_id === wanted) ??
    all.find(({ title }) => title?.toLowerCase() === wanted.toLowerCase());
  if (found !== undefined) return found;
  const names = nearest(wanted, all.flatMap(({ course_id, title }) => [course_id, ...(title === null ? [] : [title])]));
  throw new CommandError(`Cannot find course ${quoted(wanted)}: no event is of such a course`, {
    hint: names.length === 0 ? "the state has no event of any course" : `did you mean ${names.join(", ")}?`,
  });
}

function nearest(wanted: string, names: readonly string[]): string[] {
  const far = (name: string) => distance(wanted.toLowerCase(), name.toLowerCase());
  return [...new Set(names)].sort((a, b) => far(a) - far(b)).slice(0, NEAREST);
}

const quoted = (text: string) => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
