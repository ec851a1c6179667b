import type { WeekNumbersRow } from "../../sql/state/week_numbers.ts";

/** Where the middle half of some people were: a quarter had at most `low`, half at most `mid`, three quarters at most `high`. */
export interface Spread {
  readonly low: number;
  readonly mid: number;
  readonly high: number;
}

/** One value a week, oldest first; `null`: there is none, or it may not be said. */
export interface WeekValues<T> {
  /** Days with activity. */
  readonly days: readonly (T | null)[];
  /** Percent: the average of the exams handed in that week. */
  readonly marks: readonly (T | null)[];
}

/** The weeks of a course, and of those of its students who were asked for. */
export interface CourseWeeks {
  /** ISO dates of the Mondays. */
  readonly mondays: readonly string[];
  readonly course: WeekValues<Spread>;
  readonly students: ReadonlyMap<string, WeekValues<number>>;
}

/** By course. Weeks before the first activity of a course are left out. `fewest`: of fewer people no spread is said. Pure. */
export function courseWeeks(
  rows: readonly WeekNumbersRow[],
  day: string,
  fewest: number,
): Map<string, CourseWeeks> {
  const today = Temporal.PlainDate.from(day);
  const monday = (weeksAgo: number) => today.subtract({ days: today.dayOfWeek - 1 + 7 * weeksAgo }).toString();
  return new Map(
    [...Map.groupBy(rows, ({ course_id }) => course_id)].map(([course, list]) => {
      const ofCourse = list.filter(({ student_id }) => student_id === null);
      const worked = ofCourse.filter(({ days_most, marked }) => days_most > 0 || marked > 0);
      const weeks = Math.max(0, ...worked.map(({ weeks_ago }) => weeks_ago + 1));
      const agos = Array.from({ length: weeks }, (_, i) => weeks - 1 - i);
      const students = Map.groupBy(list.filter(({ student_id }) => student_id !== null), (row) => row.student_id ?? "");
      return [course, {
        mondays: agos.map(monday),
        course: valuesOf(agos, ofCourse, (row) => spreadsOf(row, fewest)),
        students: new Map([...students].map(([id, own]) => [id, valuesOf(agos, own, ownValues)])),
      }];
    }),
  );
}

interface ValuesOfWeek<T> {
  readonly days: T | null;
  readonly marks: T | null;
}

function valuesOf<T>(
  agos: readonly number[],
  rows: readonly WeekNumbersRow[],
  read: (row: WeekNumbersRow) => ValuesOfWeek<T>,
): WeekValues<T> {
  const byWeek = new Map(rows.map((row) => [row.weeks_ago, read(row)]));
  return {
    days: agos.map((ago) => byWeek.get(ago)?.days ?? null),
    marks: agos.map((ago) => byWeek.get(ago)?.marks ?? null),
  };
}

const ownValues = ({ days, marks }: WeekNumbersRow): ValuesOfWeek<number> => ({ days, marks });

function spreadsOf(row: WeekNumbersRow, fewest: number): ValuesOfWeek<Spread> {
  const { members, days_low, days, days_high, marked, marks_low, marks, marks_high } = row;
  const hasMarks = marks_low !== null && marks !== null && marks_high !== null;
  return {
    days: members < fewest ? null : { low: days_low, mid: days, high: days_high },
    marks: !hasMarks || marked < fewest ? null : { low: marks_low, mid: marks, high: marks_high },
  };
}
