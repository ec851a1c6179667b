import { UsageError } from "../base/errors.ts";
import { courses } from "../../sql/state/insight_names.ts";
import { findStudents } from "../people/find_person.ts";
import type { Queryable } from "../state/state_db.ts";
import { courseNamed } from "./find_course.ts";

/** What became of students: `course/student` to whether they failed or withdrew. */
export interface Outcomes {
  readonly failed: ReadonlyMap<string, boolean>;
  /** Lines about a student or a course that the state does not know, as they are written. */
  readonly unknown: readonly string[];
}

export interface OutcomeLine {
  readonly student: string;
  readonly course: string;
  readonly failed: boolean;
  /** Of the file, from 1. */
  readonly line: number;
}

const COLUMNS = ["student", "course", "outcome"] as const;

/** Lines of a file of outcomes. Throws UsageError with the line that cannot be read. */
export function parseOutcomes(text: string, name: string): OutcomeLine[] {
  const [head = "", ...lines] = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const titles = fields(head).map((title) => title.toLowerCase());
  const [student, course, outcome] = COLUMNS.map((column) => titles.indexOf(column));
  if (
    student === undefined || course === undefined || outcome === undefined || Math.min(student, course, outcome) < 0
  ) {
    throw new UsageError(`Cannot read ${name}: its first line is not "student,course,outcome"`, {
      hint: "a line each with the student's id or username, the course's id or title, and 1 (failed or withdrawn) or 0",
    });
  }
  return lines.flatMap((line, i) => {
    if (line.trim() === "") return [];
    const cells = fields(line);
    const result = cells[outcome] ?? "";
    if (result !== "0" && result !== "1") {
      throw new UsageError(`Cannot read ${name}:${i + 2}: the outcome is neither 0 nor 1`);
    }
    return [{ student: cells[student] ?? "", course: cells[course] ?? "", failed: result === "1", line: i + 2 }];
  });
}

function fields(line: string): string[] {
  return [...line.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/g)]
    .map(([, quoted, plain]) => (quoted?.replaceAll('""', '"') ?? plain ?? "").trim());
}

/** Outcomes by the ids of the state. Throws UsageError for a line that may be about several students or courses. */
export async function readOutcomes(sql: Queryable, source: string, text: string, name: string): Promise<Outcomes> {
  const lines = parseOutcomes(text, name);
  const all = [...await courses(sql, source)];
  const courseIds = new Map(
    [...new Set(lines.map(({ course }) => course))].map((title) => [title, courseNamed(all, title)]),
  );
  const students = await findStudents(sql, source, lines.map(({ student }) => student));
  const failed = new Map<string, boolean>();
  const unknown: string[] = [];
  for (const { student, course, failed: did, line } of lines) {
    const ids = students.get(student) ?? [];
    if (ids.length > 1) {
      throw new UsageError(`Cannot read ${name}:${line}: ${ids.length} students have that username`, {
        hint: `write the id: ${ids.slice(0, 5).join(", ")}`,
      });
    }
    const [id] = ids, found = courseIds.get(course);
    if (found === null || found === undefined || id === undefined) unknown.push(`${student},${course}`);
    else failed.set(`${found.course_id}/${id}`, did);
  }
  return { failed, unknown };
}
