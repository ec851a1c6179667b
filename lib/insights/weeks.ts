import { median } from "./score.ts";
import { newNames, top } from "./measures.ts";
import type { Insight } from "./insight.ts";

const TOP = 0.1;
/** From here on somebody would be named (naming.ts). */
const NAMED = 0.6;

/** What week after week says: how much of the highest tenth is new, and how long before the leaving somebody stood out. */
export interface WeeklyMeasures {
  readonly new_names: number | null;
  readonly lead_days: number | null;
}

/** `weeks`: by day number, ascending, each of all courses. `leftOn`: the day number of a student's leaving of a course. Pure. */
export function measureWeeks(
  weeks: ReadonlyMap<number, readonly Insight[]>,
  leftOn: (student: string, course: string) => number | null,
): WeeklyMeasures {
  const shares: number[] = [];
  /** By course and student: who is in two courses may stand out in one. */
  const first = new Map<string, { readonly student: string; readonly course: string; readonly day: number }>();
  let before: Set<string> | null = null;
  for (const [day, insights] of weeks) {
    const now = top(new Map(insights.flatMap((one) => one.z === null ? [] : [[placeOf(one), one.z]])), TOP);
    const share = before === null ? null : newNames(before, now);
    if (share !== null) shares.push(share);
    before = now;
    for (const one of insights) {
      if ((one.p ?? 0) >= NAMED && !first.has(placeOf(one))) {
        first.set(placeOf(one), { student: one.student, course: one.course, day });
      }
    }
  }
  const leads = [...first.values()].flatMap(({ student, course, day }) => {
    const left = leftOn(student, course);
    return left === null || left < day ? [] : [left - day];
  });
  return {
    new_names: shares.length === 0 ? null : shares.reduce((sum, share) => sum + share, 0) / shares.length,
    lead_days: leads.length === 0 ? null : median(leads),
  };
}

const placeOf = ({ course, student }: Insight) => `${course}/${student}`;
