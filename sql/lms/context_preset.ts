import type { Kind } from "../../lib/model/event_types.ts";
import type { Dialect } from "./dialects/dialect.ts";
import type { Relation, TimeForm } from "./preset.ts";
import type { ColumnTypes } from "./queries.ts";

/** Where an LMS says when activities are due and who belongs to what, as data; all of it optional. */
export interface ContextPreset {
  /** By kind, each in the order of its ids. */
  readonly activities: readonly DatedActivities[] | null;
  /** `accounts`: a student's account is active or not, and in batches; nothing says in which courses, or since when. */
  readonly enrolments: "accounts" | CourseEnrolments | null;
  /** For whom an activity's date does not hold. */
  readonly exemptions?: OfStudents | null | undefined;
}

/** Activities of one kind with their dates: a table, or a query of some thousand rows. */
export type DatedActivities = Relation & {
  readonly kind: Kind;
  readonly key: string;
  /** `course` null: it is where the kind's placement puts the activity. */
  readonly columns: {
    readonly title: string;
    readonly opens: string;
    readonly due: string;
    readonly course: string | null;
    /** The exam at a course's end, which nobody can be late for before; 1 or 0. */
    readonly final?: string | undefined;
  };
  /** `null`: as the database writes times. */
  readonly times: TimeForm | null;
};

/** A query of what some students have; `{students}` stands, as often as it is needed, for the condition that says of whom. */
export interface OfStudents {
  /** Of exemptions: rows student_id, kind (exam, assignment or content), activity_id. */
  readonly from: string;
  /** What `{students}` compares. */
  readonly student: string;
}

/** Who takes part in which course: rows student_id, course_id, active (1/0), joined_at, left_at, one for each pair. */
export interface CourseEnrolments extends OfStudents {
  readonly times: TimeForm;
}

/** Rows [id, title, opens, due, course?, final?] of the activities above `after`, ascending. The id must have gone through `integer`. */
export function activitiesPage(
  { key, columns, times, ...of }: DatedActivities,
  dialect: Dialect,
  types: ColumnTypes,
  shortTitle: (expression: string) => string,
  { after, limit }: { readonly after: string | null; readonly limit: number },
): string {
  const q = (column: string) => `t.${dialect.quote(column)}`;
  const time = (column: string) =>
    times === null && "table" in of ? dialect.time(q(column), types(of.table, column)) : dialect.text(q(column));
  const list = [
    dialect.text(q(key)),
    shortTitle(q(columns.title)),
    time(columns.opens),
    time(columns.due),
    ...(columns.course === null ? [] : [dialect.text(q(columns.course))]),
    ...(columns.final === undefined ? [] : [dialect.text(q(columns.final))]),
  ];
  return `select ${list.join(", ")} from ${"table" in of ? dialect.quote(of.table) : `(${of.from}\n)`} t where ${
    after === null ? "1 = 1" : `${q(key)} > ${dialect.id(after)}`
  } order by ${q(key)} limit ${limit}`;
}

/** Rows [student, course, active, joined, left] of those students. Their ids must have gone through `integer`. */
export const courseEnrolments = (of: CourseEnrolments, dialect: Dialect, ids: readonly string[]): string =>
  ofStudents(of, ["student_id", "course_id", "active", "joined_at", "left_at"], dialect, ids);

/** Rows [student, kind, activity] of those students; likewise. */
export const exemptionsOf = (of: OfStudents, dialect: Dialect, ids: readonly string[]): string =>
  ofStudents(of, ["student_id", "kind", "activity_id"], dialect, ids);

function ofStudents(
  { from, student }: OfStudents,
  columns: readonly string[],
  dialect: Dialect,
  ids: readonly string[],
): string {
  const list = columns.map((column) => dialect.text(`t.${column}`)).join(", ");
  return `select ${list} from (${from.replaceAll("{students}", () => dialect.idIn(student, ids))}\n) t`;
}
