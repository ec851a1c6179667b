import { UsageError } from "../base/errors.ts";
import { type CourseRow, courses, mentorsOfStudents } from "../../sql/state/insight_names.ts";
import { findPeople } from "../people/find_person.ts";
import type { Queryable } from "../state/state_db.ts";

/** What became of students: `course/student` to whether they failed or withdrew. */
export interface Outcomes {
  readonly failed: ReadonlyMap<string, boolean>;
  /** Lines about a student or a course that the state does not know, as they are written. */
  readonly unknown: readonly string[];
}

const COLUMNS = ["student", "course", "outcome"] as const;

/** Lines of a file of outcomes. Throws UsageError with the line that cannot be read. */
export function parseOutcomes(text: string, name: string): { student: string; course: string; failed: boolean }[] {
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
    return [{ student: cells[student] ?? "", course: cells[course] ?? "", failed: result === "1" }];
  });
}

function fields(line: string): string[] {
  return [...line.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/g)]
    .map(([, quoted, plain]) => (quoted?.replaceAll('""', '"') ?? plain ?? "").trim());
}

/** Outcomes by the ids of the state. */
export async function readOutcomes(sql: Queryable, source: string, text: string, name: string): Promise<Outcomes> {
  const lines = parseOutcomes(text, name);
  const all = [...await courses(sql, source)];
  const students = new Map((await mentorsOfStudents(sql, source)).map(({ student_id }) => [student_id, student_id]));
  const failed = new Map<string, boolean>();
  const unknown: string[] = [];
  for (const { student, course, failed: did } of lines) {
    const courseId = courseOf(all, course);
    const id = students.get(student) ?? (await findPeople(sql, student, { role: "student", source }))[0]?.id ?? null;
    if (id !== null) students.set(student, id);
    if (courseId === null || id === null) unknown.push(`${student},${course}`);
    else failed.set(`${courseId}/${id}`, did);
  }
  return { failed, unknown };
}

function courseOf(all: readonly CourseRow[], name: string): string | null {
  const found = all.find(({ course_id }) => course_id === name) ??
    all.find(({ title }) => title?.toLowerCase() === name.toLowerCase());
  return found?.course_id ?? null;
}
