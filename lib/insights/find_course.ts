import { distance } from "fastest-levenshtein";
import { type CourseRow, courses } from "../../sql/state/insight_names.ts";
import { CommandError } from "../base/errors.ts";
import { textId } from "../model/key_space.ts";
import type { Queryable } from "../state/state_db.ts";

const NEAREST = 5;

/** A course by id or title. Throws CommandError with what is near it. */
export async function findCourse(sql: Queryable, source: string, text: string): Promise<CourseRow> {
  const wanted = text.trim();
  const all = [...await courses(sql, source)];
  const found = courseNamed(all, wanted);
  if (found !== null) return found;
  const names = nearest(
    wanted,
    all.flatMap(({ course_key, title }) => [course_key, ...(title === null ? [] : [title])]),
  );
  throw new CommandError(`Cannot find course ${quoted(wanted)}: no event is of such a course`, {
    hint: names.length === 0 ? "the state has no event of any course" : `did you mean ${names.join(", ")}?`,
  });
}

/** THE course of an id, of the LMS's own key, or of a title; `null`: none. Throws CommandError where several have that title. */
export function courseNamed(all: readonly CourseRow[], text: string): CourseRow | null {
  const wanted = text.trim();
  const byId = all.find(({ course_key }) => course_key === wanted) ??
    all.find(({ course_id }) => course_id === wanted || course_id === textId("course", wanted));
  if (byId !== undefined) return byId;
  const [first, ...others] = all.filter(({ title }) => title?.toLowerCase() === wanted.toLowerCase());
  if (first === undefined || others.length === 0) return first ?? null;
  const ids = [first, ...others].slice(0, NEAREST).map(({ course_key }) => course_key);
  throw new CommandError(`Cannot tell which course is meant: ${others.length + 1} have the title ${quoted(wanted)}`, {
    hint: `give the id: ${ids.join(", ")}`,
  });
}

/** Names that hold what was asked for come first: the beginning of a long title is less like it, sign by sign, than any short id. */
function nearest(wanted: string, names: readonly string[]): string[] {
  const text = wanted.toLowerCase();
  const far = (name: string) => name.includes(text) ? 0 : distance(text, name);
  return [...new Set(names)].map((name) => ({ name, far: far(name.toLowerCase()) })).sort((a, b) => a.far - b.far)
    .slice(0, NEAREST).map(({ name }) => name);
}

const quoted = (text: string) => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
