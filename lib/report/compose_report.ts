import { countStudents, type Insight } from "../insights/insight.ts";
import { SMALLEST_COHORT } from "../insights/score.ts";
import { type Audience, type Called, isDrawn, type ReportAsked, type ReportFacts } from "./read_report.ts";
import type { CourseWeeks, WeekValues } from "./weeks.ts";

/** One student in one course. */
export interface Entry {
  /** Its place in the page. */
  readonly anchor: string;
  readonly insight: Insight;
  readonly called: Called;
  readonly course: string;
  /** ISO date of the last activity; `null`: none so far. */
  readonly lastActive: string | null;
  /** `null`: nothing happened in the course within the weeks that are drawn. */
  readonly weeks: { readonly course: CourseWeeks; readonly own: WeekValues<number> } | null;
  /** Medians of a few would tell about single students. */
  readonly hidesMedians: boolean;
}

/** How many students of a course are shown, and how they stand. */
export interface CourseCount {
  readonly course: string;
  readonly students: number;
  readonly quiet: number;
  readonly struggling: number;
  /** With a score, and on no list. */
  readonly others: number;
  /** Of the whole course. */
  readonly cohort: number;
  readonly hasDueDates: boolean;
}

/** What one file says; the most urgent first. */
export interface Report {
  readonly asked: ReportAsked;
  readonly mentor: Called | null;
  readonly quiet: readonly Entry[];
  readonly struggling: readonly Entry[];
  /** Asked for by name, and on no list. */
  readonly others: readonly Entry[];
  readonly courses: readonly CourseCount[];
}

/** Everybody whom a report draws, the most urgent first. */
export const drawnOf = ({ quiet, struggling, others }: Report): Entry[] =>
  [...quiet, ...struggling, ...others].sort(byUrgency);

/** How many students entries are of: who is in several courses has several. */
export const peopleIn = (entries: readonly Entry[]): number => countStudents(entries.map(({ insight }) => insight));

const byUrgency = (a: Entry, b: Entry) =>
  (b.insight.p ?? -1) - (a.insight.p ?? -1) || (a.insight.student < b.insight.student ? -1 : 1);

/** The report for one audience. Pure. */
export function composeReport(facts: ReportFacts, { mentor, students }: Audience): Report {
  const { asked } = facts;
  const insights = facts.insights.filter(({ student }) => students?.has(student) ?? true);
  const drawn = insights.filter((one) => isDrawn(asked, one));
  const entries = drawn.map((one, i) => entryOf(facts, one, `s${i + 1}`)).sort(byUrgency);
  const on = (list: Insight["list"]) => entries.filter(({ insight }) => insight.list === list);
  return {
    asked,
    mentor: mentor === null ? null : facts.called("mentor", mentor),
    quiet: on("quiet"),
    struggling: on("struggling"),
    others: on(null),
    courses: [...Map.groupBy(insights, ({ course }) => course)].map(([id, members]) => countOf(facts, id, members)),
  };
}

function entryOf(facts: ReportFacts, insight: Insight, anchor: string): Entry {
  const { student, course, cohort, standing } = insight;
  const weeks = facts.weeks.get(course);
  const own = weeks?.students.get(student);
  return {
    anchor,
    insight,
    called: facts.called("student", student),
    course: courseName(facts, course),
    lastActive: standing.idle_days === null
      ? null
      : Temporal.PlainDate.from(facts.asked.at.day).subtract({ days: standing.idle_days }).toString(),
    weeks: weeks === undefined || own === undefined || weeks.mondays.length === 0 ? null : { course: weeks, own },
    hidesMedians: facts.isLimited && cohort < SMALLEST_COHORT,
  };
}

const courseName = ({ titles }: ReportFacts, id: string) => titles.get(id) ?? `course ${id}`;

function countOf(facts: ReportFacts, id: string, members: readonly Insight[]): CourseCount {
  const count = (is: (one: Insight) => boolean) => members.filter(is).length;
  return {
    course: courseName(facts, id),
    students: members.length,
    quiet: count(({ list }) => list === "quiet"),
    struggling: count(({ list }) => list === "struggling"),
    others: count(({ list, band }) => list === null && band !== null),
    cohort: members[0]?.cohort ?? 0,
    hasDueDates: members.some(({ standing }) => standing.has_due_dates),
  };
}
