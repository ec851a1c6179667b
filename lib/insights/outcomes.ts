import { UsageError } from "../base/errors.ts";
import { courses } from "../../sql/state/insight_names.ts";
import { findStudents, shownKeys } from "../people/find_person.ts";
import type { Queryable } from "../state/state_db.ts";
import { counted } from "../text/counted.ts";
import { csvRecords, type Separator, SEPARATORS } from "../text/csv_records.ts";
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

/** As many lines of a file as are named: whoever made a mistake sees it in the first. */
export const NAMED = 5;

/** Lines that counted for nothing, the first by name; `null`: there are none. */
export function unknownWords({ unknown }: Pick<Outcomes, "unknown">): string | null {
  if (unknown.length === 0) return null;
  const more = unknown.length > NAMED ? ", …" : "";
  return `${counted(unknown.length, "line")} about nobody the state knows: ${
    unknown.slice(0, NAMED).join("; ")
  }${more}`;
}

const COLUMNS = ["student", "course", "outcome"] as const;

/** Lines of a file of outcomes. Throws UsageError with the line that cannot be read. */
export function parseOutcomes(text: string, name: string): OutcomeLine[] {
  const content = text.replace(/^\uFEFF/, "");
  const separator = SEPARATORS.find((sign) => !columnsIn(content, sign).includes(-1));
  if (separator === undefined) {
    throw new UsageError(`Cannot read ${name}: its first line is not "student,course,outcome"`, {
      hint: "CSV in UTF-8, a line each with the student's id or username, the course's id or title, and 1 (failed or " +
        "withdrawn) or 0",
    });
  }
  const [student = -1, course = -1, outcome = -1] = columnsIn(content, separator);
  const [, ...records] = csvRecords(content, separator);
  return records.map(({ cells, line }) => {
    const result = cells[outcome] ?? "";
    if (result !== "0" && result !== "1") {
      throw new UsageError(`Cannot read ${name}:${line}: the outcome is neither 0 nor 1`, {
        hint: "write 1 for who failed or withdrew, and 0 for everybody else",
      });
    }
    return { student: cells[student] ?? "", course: cells[course] ?? "", failed: result === "1", line };
  });
}

/** Where the three columns stand in the first record; -1: not there. */
function columnsIn(text: string, separator: Separator): number[] {
  const [head] = csvRecords(text, separator);
  const titles = (head?.cells ?? []).map((title) => title.toLowerCase());
  return COLUMNS.map((column) => titles.indexOf(column));
}

/** Outcomes by the ids of the state. Throws UsageError for a line that may be about several students or courses, or gainsays another. */
export async function readOutcomes(sql: Queryable, source: string, text: string, name: string): Promise<Outcomes> {
  const lines = parseOutcomes(text, name);
  const all = [...await courses(sql, source)];
  const courseIds = new Map(
    [...new Set(lines.map(({ course }) => course))].map((title) => [title, courseNamed(all, title)]),
  );
  const students = await findStudents(sql, source, lines.map(({ student }) => student));
  const failed = new Map<string, boolean>();
  const lineOf = new Map<string, number>();
  const unknown: string[] = [];
  for (const { student, course, failed: did, line } of lines) {
    const ids = students.get(student) ?? [];
    if (ids.length > 1) {
      throw new UsageError(`Cannot read ${name}:${line}: ${ids.length} students have that username`, {
        hint: `write the id: ${(await shownKeys(sql, ids.slice(0, 5))).join(", ")}`,
      });
    }
    const [id] = ids, found = courseIds.get(course);
    if (found === null || found === undefined || id === undefined) {
      unknown.push(`${student},${course}`.replace(/\s+/g, " "));
      continue;
    }
    const key = `${found.course_id}/${id}`;
    if ((failed.get(key) ?? did) !== did) {
      throw new UsageError(
        `Cannot read ${name}:${line}: line ${lineOf.get(key)} has the other outcome of the same student`,
        {
          hint: "leave one line of each student and course",
        },
      );
    }
    failed.set(key, did);
    lineOf.set(key, line);
  }
  return { failed, unknown };
}
