import { distance } from "fastest-levenshtein";
import { type CourseRow, courses } from "../../sql/state/insight_names.ts";
import { CommandError } from "../base/errors.ts";
import type { Queryable } from "../state/state_db.ts";

const NEAREST = 5;

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
