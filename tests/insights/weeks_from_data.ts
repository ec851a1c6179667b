import { NAVIGATION } from "../support/replay/oulad_term.ts";
import type { OuladModule } from "../support/replay/read_oulad.ts";

export interface WeekOfData {
  readonly weeksAgo: number;
  /** By student: days with activity, and the average of what was handed in that week and marked; null: nothing. */
  readonly students: ReadonlyMap<number, { readonly days: number; readonly mark: number | null }>;
}

/**
 * Each week until a day, of everybody enrolled on it who had come by the week's end, from the data alone. Who came before
 * `firstLook` was there before anybody looked. `weekday`: of the day, Monday is 1.
 */
export function weeksFromData(
  data: OuladModule,
  { day, weekday, weeks, firstLook }: {
    readonly day: number;
    readonly weekday: number;
    readonly weeks: number;
    readonly firstLook: number;
  },
): WeekOfData[] {
  const types = new Map(data.sites.map(({ id, activityType }) => [id, activityType]));
  const touched = data.visits.filter(({ site, firstDay }) =>
    firstDay <= day && !NAVIGATION.has(types.get(site) ?? "homepage")
  );
  const handedIn = data.submissions.filter((one) => one.day <= day);
  const members = data.students.filter((student) => {
    const { day: joined = null, left = null } = data.registrations.get(student) ?? {};
    return (joined ?? -Infinity) <= day && (left ?? Infinity) > day;
  });
  return Array.from({ length: weeks }, (_, weeksAgo) => {
    const monday = day - (weekday - 1) - 7 * weeksAgo;
    const isIn = (one: number) => one >= monday && one < monday + 7;
    const there = members.filter((student) => {
      const joined = data.registrations.get(student)?.day ?? -Infinity;
      return joined <= firstLook || joined < monday + 7;
    });
    return {
      weeksAgo,
      students: new Map(there.map((student) => {
        const own = handedIn.filter((one) => one.student === student && isIn(one.day));
        const marks = own.flatMap(({ score }) => score ?? []);
        const visits = touched.filter((visit) => visit.student === student && isIn(visit.firstDay));
        return [student, {
          days: new Set([...visits.map(({ firstDay }) => firstDay), ...own.map((one) => one.day)]).size,
          mark: marks.length === 0 ? null : marks.reduce((sum, mark) => sum + mark, 0) / marks.length,
        }];
      })),
    };
  });
}

/** A quarter of the numbers are at most the first, half the second, three quarters the third; between two it lies on the line. */
export function quarters(numbers: readonly number[]): [number, number, number] {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (share: number) => {
    const place = share * (sorted.length - 1), low = Math.floor(place);
    return (sorted[low] ?? 0) + (place - low) * ((sorted[low + 1] ?? sorted[low] ?? 0) - (sorted[low] ?? 0));
  };
  return [at(0.25), at(0.5), at(0.75)];
}
