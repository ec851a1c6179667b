import {
  courses,
  mentorsOfStudents,
  type NamedRow,
  namesOfPeople,
  studentsOfMentor,
} from "../../sql/state/insight_names.ts";
import { namedKeys } from "../../sql/state/lms_keys.ts";
import { weekNumbers } from "../../sql/state/week_numbers.ts";
import type { Insight } from "../insights/insight.ts";
import { type AsOf, readInsights } from "../insights/read_insights.ts";
import { type ScoreConstants, SMALLEST_COHORT } from "../insights/score.ts";
import type { Role } from "../model/person.ts";
import { formatUtc } from "../model/time.ts";
import { pseudonyms } from "../privacy/pseudonyms.ts";
import type { Queryable } from "../state/state_db.ts";
import { type CourseWeeks, courseWeeks } from "./weeks.ts";

/** So many weeks are drawn at most. */
export const MOST_WEEKS = 26;
/** As for the ranks of the score: of fewer nothing is said in common. */
const FEWEST_IN_SPREAD = 10;

/** What a report is to be about: ids of the LMS. */
export interface ReportAsked {
  readonly source: string;
  readonly at: AsOf;
  readonly constants: ScoreConstants;
  readonly course: string | null;
  readonly mentor: string | null;
  /** Only these, and also those that are on no list; `null`: whoever is on one. */
  readonly students: readonly string[] | null;
  /** One report for each mentor. */
  readonly perMentor: boolean;
  /** Names instead of pseudonyms. */
  readonly identified: boolean;
}

/** Who gets a file, and about whom. */
export interface Audience {
  /** `null`: nobody in particular. */
  readonly mentor: string | null;
  /** `null`: everybody. */
  readonly students: ReadonlySet<string> | null;
}

/** How a person is called in a report. */
export interface Called {
  readonly name: string;
  /** What to ask other commands by, where it is not the name. */
  readonly id: string | null;
}

/** Everything that the files are made of, as it was at one moment. */
export interface ReportFacts {
  readonly asked: ReportAsked;
  /** Of whoever may be shown, on a list or not. */
  readonly insights: readonly Insight[];
  readonly audiences: readonly Audience[];
  /** Students whom a report would draw, and who have no mentor to get one. */
  readonly unmentored: number;
  /** A file is of some of the students of a course: what is said of the whole course must not point at one of them. */
  readonly isLimited: boolean;
  readonly titles: ReadonlyMap<string, string | null>;
  readonly weeks: ReadonlyMap<string, CourseWeeks>;
  readonly called: (role: Role, id: string) => Called;
  /** What the LMS itself calls somebody: an id stands for it where its keys are texts. */
  readonly keyOf: (id: string) => string;
}

/** Who is drawn: on a list, or asked for by name. */
export const isDrawn = ({ students }: ReportAsked, { list }: Insight): boolean => list !== null || students !== null;

/** Reads it all. Throws CommandError before the first event. */
export async function readReport(sql: Queryable, asked: ReportAsked): Promise<ReportFacts> {
  const { source, at, course, constants, students } = asked;
  const audiences = await audiencesOf(sql, asked);
  const isLimited = students !== null || audiences.some(({ mentor }) => mentor !== null);
  const all = await readInsights(sql, { source, at, course, constants });
  const everybody = audiences.some((one) => one.students === null);
  const shown = new Set(audiences.flatMap((one) => [...one.students ?? []]));
  const insights = everybody ? all : all.filter(({ student }) => shown.has(student));
  const drawn = insights.filter((one) => isDrawn(asked, one));
  const alone = everybody || asked.mentor !== null
    ? []
    : all.filter((one) =>
      !shown.has(one.student) && isDrawn(asked, one) && (students === null || students.includes(one.student))
    );
  const ids = [...new Set(drawn.map(({ student }) => student))];
  const keys = new Map((await namedKeys(sql)).map(({ id, key }) => [id, key]));
  const keyOf = (id: string) => keys.get(id) ?? id;
  return {
    asked,
    insights,
    audiences,
    unmentored: new Set(alone.map(({ student }) => student)).size,
    isLimited,
    titles: new Map((await courses(sql, source)).map(({ course_id, title }) => [course_id, title])),
    weeks: await weeksOf(sql, asked, drawn, isLimited),
    called: await names(sql, asked, ids, audiences.flatMap(({ mentor }) => mentor ?? []), keyOf),
    keyOf,
  };
}

async function audiencesOf(sql: Queryable, { source, mentor, students, perMentor }: ReportAsked): Promise<Audience[]> {
  const wanted = students === null ? null : new Set(students);
  const among = (ids: readonly string[]) => new Set(ids.filter((id) => wanted === null || wanted.has(id)));
  if (mentor !== null) {
    const own = await studentsOfMentor(sql, source, mentor);
    return [{ mentor, students: among(own.map(({ student_id }) => student_id)) }];
  }
  if (!perMentor) return [{ mentor: null, students: wanted }];
  const groups = Map.groupBy(await mentorsOfStudents(sql, source), ({ mentor_id }) => mentor_id);
  return [...groups].map(([id, rows]) => ({ mentor: id, students: among(rows.map(({ student_id }) => student_id)) }))
    .filter(({ students }) => students.size > 0);
}

async function weeksOf(
  sql: Queryable,
  { source, at, course }: ReportAsked,
  drawn: readonly Insight[],
  isLimited: boolean,
): Promise<Map<string, CourseWeeks>> {
  if (drawn.length === 0) return new Map();
  const { day, timezone, known } = at;
  const until = formatUtc(known);
  const rows = await weekNumbers(sql, {
    source,
    until,
    seen: until,
    day,
    timezone,
    course,
    weeks: MOST_WEEKS,
    courses: [...new Set(drawn.map((one) => one.course))],
    students: [...new Set(drawn.map(({ student }) => student))],
  });
  return courseWeeks([...rows], day, isLimited ? SMALLEST_COHORT : FEWEST_IN_SPREAD);
}

async function names(
  sql: Queryable,
  { source, identified }: ReportAsked,
  students: readonly string[],
  mentors: readonly string[],
  keyOf: ReportFacts["keyOf"],
): Promise<ReportFacts["called"]> {
  if (!identified) {
    const pseudonym = await pseudonyms(sql);
    return (role, id) => ({ name: pseudonym(role, source, id), id: null });
  }
  const byId = (rows: readonly NamedRow[]) => new Map(rows.map((row) => [row.id, row.name ?? row.username]));
  const known = {
    student: byId(await namesOfPeople(sql, source, "student", students)),
    mentor: byId(await namesOfPeople(sql, source, "mentor", mentors)),
  };
  return (role, id) => {
    const key = keyOf(id);
    const name = known[role].get(id) ?? null;
    return name === null || name.trim() === "" ? { name: `${role} ${key}`, id: null } : { name, id: key };
  };
}
