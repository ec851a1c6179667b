import { allStudents, limitStatements } from "../../sql/state/agent.ts";
import { type CourseRow, courses, coursesOfStudents, studentsOfMentor } from "../../sql/state/insight_names.ts";
import { namedKeys } from "../../sql/state/lms_keys.ts";
import { CommandError } from "../base/errors.ts";
import type { Clock } from "../base/clock.ts";
import { quoted } from "../history/lines.ts";
import { courseNamed } from "../insights/find_course.ts";
import { pseudonyms } from "../privacy/pseudonyms.ts";
import { findPeople } from "../people/find_person.ts";
import type { ScoreConstants } from "../insights/score.ts";
import type { Role } from "../model/person.ts";
import { PSEUDONYM } from "../model/pseudonym.ts";
import type { EpochMicros } from "../model/time.ts";
import { readMoment } from "../state/read_moment.ts";
import type { Queryable, StateDb } from "../state/state_db.ts";
import { nearest } from "../text/nearest.ts";

/** What a client may see, for as long as it is connected. */
export interface ViewSettings {
  readonly source: string;
  readonly timezone: string;
  /** Ids, usernames and names instead of pseudonyms. */
  readonly identified: boolean;
  /** Only this mentor's students, by the mentor's id in the LMS; `null`: all. */
  readonly mentor: string | null;
  readonly constants: ScoreConstants;
  readonly clock: Pick<Clock, "now">;
}

/** What one call works with: its own short transaction, and what may be seen in it. */
export interface View extends Omit<ViewSettings, "clock"> {
  readonly sql: Queryable;
  readonly now: EpochMicros;
  /** `null`: all. */
  readonly students: ReadonlySet<string> | null;
  /** How a person is called in answers. */
  readonly called: (role: Role, id: string) => string;
  /** What the LMS itself calls a course or a person: an id stands for it where the LMS's keys are texts. */
  readonly keyOf: (id: string) => string;
}

/** Far longer than anything takes that is asked here. */
const STATEMENT_MS = 20_000;

/** One look at the state: a transaction that cannot write and sees one moment, over when `work` is. */
export async function readOnly<T>(db: Pick<StateDb, "sql">, work: (sql: Queryable) => Promise<T>): Promise<T> {
  return await readMoment(db, async (sql) => {
    await limitStatements(sql, STATEMENT_MS);
    return await work(sql);
  });
}

/** Who may be seen is read anew for each call: mentors change. */
export async function viewOf(settings: ViewSettings, sql: Queryable): Promise<View> {
  const { clock, ...rest } = settings;
  const { source, mentor, identified } = rest;
  const pseudonym = await pseudonyms(sql);
  const own = mentor === null ? null : await studentsOfMentor(sql, source, mentor);
  const keys = new Map((await namedKeys(sql)).map(({ id, key }) => [id, key]));
  const keyOf = (id: string) => keys.get(id) ?? id;
  return {
    ...rest,
    sql,
    now: clock.now(),
    students: own === null ? null : new Set(own.map(({ student_id }) => student_id)),
    keyOf,
    called: (role, id) => identified ? keyOf(id) : pseudonym(role, source, id),
  };
}

export const maySee = ({ students }: View, student: string): boolean => students === null || students.has(student);

/** The id of the student that a client means. Throws CommandError, with those it may have meant, also for one it may not see. */
export async function studentOf(view: View, text: string): Promise<string> {
  const wanted = bare(text);
  const id = await behind(view, wanted);
  if (id !== null && maySee(view, id)) return id;
  const near = await nearStudents(view, wanted);
  const known = view.identified ? "no such id, username or pseudonym" : "no such pseudonym";
  throw new CommandError(`Cannot find student ${shown(view, wanted)}: ${known} among those that may be seen`, {
    hint: [
      ...(near.length === 0 ? [] : [`did you mean ${near.join(", ")}?`]),
      "find_students lists what students are called here",
      ...(view.identified ? [] : ["ids, usernames and names are not known here, only pseudonyms"]),
    ].join("; "),
  });
}

async function behind(view: View, wanted: string): Promise<string | null> {
  const { sql, source, identified } = view;
  if (!identified && !PSEUDONYM.test(wanted)) return null;
  // Of several with one username those count that may be seen; who else has it is nobody's business.
  // And where only pseudonyms are known, a key or a username that looks like one must not lead to whose it is.
  const people = (await findPeople(sql, wanted, { role: "student", source })).filter(({ id }) =>
    maySee(view, id) && (identified || view.called("student", id) === wanted)
  );
  const [person, ...others] = people;
  if (others.length > 0) {
    throw new CommandError(`Cannot tell which student is meant: ${people.length} have that username`, {
      hint: `give one of ${people.slice(0, NEAREST).map(({ id }) => view.called("student", id)).join(", ")}`,
    });
  }
  return person?.id ?? null;
}

/** Those that may be seen, also students of whom only activity is known. */
async function idsIn({ sql, source, students }: View): Promise<readonly string[]> {
  return students === null ? (await allStudents(sql, source)).map(({ id }) => id) : [...students];
}

const NEAREST = 3;

/** What some of those are called that the text is most like; of a text that is like none, nobody. */
async function nearStudents(view: View, wanted: string): Promise<string[]> {
  const names = (await idsIn(view)).map((id) => view.called("student", id));
  return nearest(wanted, names.map((name) => ({ id: name, text: name })));
}

/** What was asked for is repeated only where it cannot be somebody's name. */
const shown = ({ identified }: View, text: string) =>
  identified || /^[0-9a-f]{8,32}$/.test(text) ? JSON.stringify(text.slice(0, 40)) : "of that name";

/** The course that a client means, among those of the students it may see. Throws CommandError with those there are. */
export function courseOf(text: string, visible: readonly CourseRow[]): CourseRow {
  const wanted = bare(text);
  const found = courseNamed(visible, wanted) ?? courseShown(visible, wanted);
  if (found !== null) return found;
  const some = visible.slice(0, NEAREST + 2).map(({ course_key, title }) => `${course_key} ${quoted(title)}`);
  throw new CommandError(`Cannot find course ${JSON.stringify(wanted.slice(0, 40))} among those that may be seen`, {
    hint: some.length === 0 ? "there is none yet" : `did you mean ${some.join(", ")}? course_overview lists all`,
  });
}

/** A title is shown on one line, short, and without the signs around it: a client hands it back like that. `null`: none, or several. */
function courseShown(visible: readonly CourseRow[], wanted: string): CourseRow | null {
  const [found, ...others] = visible.filter(({ title }) => title !== null && bare(quoted(title)) === wanted);
  return others.length === 0 ? found ?? null : null;
}

/** Courses by their latest title. */
export const coursesOf = async (
  { sql, source }: View,
): Promise<readonly CourseRow[]> => [...await courses(sql, source)];

/** Courses of those that may be seen. */
export async function seenCourses(view: View): Promise<readonly CourseRow[]> {
  const all = await coursesOf(view);
  if (view.students === null) return all;
  const seen = new Set(
    (await coursesOfStudents(view.sql, view.source, [...view.students])).map((row) => row.course_id),
  );
  return all.filter(({ course_id }) => seen.has(course_id));
}

/** Without the signs that mark text of the LMS in answers: a client may hand it back with them. */
export const bare = (text: string): string => text.trim().replace(/^«|»$/g, "").trim();
