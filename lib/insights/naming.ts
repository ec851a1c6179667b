import type { Insight } from "./insight.ts";

/** Who is named to a mentor, and how often: few, and not the same again and again. */
export interface NamingPolicy {
  /** Names a mentor and week. */
  readonly most: number;
  readonly threshold: number;
  readonly coolDownDays: number;
  /** So much more is news within the cool-down. */
  readonly rise: number;
  /** Times a student is named in all. */
  readonly times: number;
}

export const NAMING: NamingPolicy = { most: 2, threshold: 0.6, coolDownDays: 28, rise: 0.15, times: 2 };

export interface Mention {
  readonly student: string;
  readonly course: string;
  readonly mentor: string;
  readonly day: number;
  readonly p: number;
}

const keyOf = ({ student, course }: { readonly student: string; readonly course: string }) => `${course}/${student}`;

/**
 * Whom the policy names on a day, given what was said before. A student is one person in however many courses: named for the course where
 * the chance of failing is highest, and what was said of another course was said, too. Pure.
 */
export function nameOn(
  day: number,
  insights: readonly Insight[],
  mentorsOf: (student: string) => readonly string[],
  said: readonly Mention[],
  policy: NamingPolicy = NAMING,
): Mention[] {
  const before = Map.groupBy(said, ({ student }) => student);
  const wanted = [...highestOf(insights)].flatMap(([student, { course, p }]) => {
    if (p < policy.threshold) return [];
    const times = [...new Map((before.get(student) ?? []).map((m) => [m.day, m])).values()];
    const last = times.at(-1);
    if (times.length >= policy.times) return [];
    if (last !== undefined && day - last.day < policy.coolDownDays && p < last.p + policy.rise) return [];
    return mentorsOf(student).map((mentor): Mention => ({ student, course, mentor, day, p }));
  }).sort((a, b) => b.p - a.p || (keyOf(a) < keyOf(b) ? -1 : 1));
  return [...Map.groupBy(wanted, ({ mentor }) => mentor).values()].flatMap((list) => list.slice(0, policy.most));
}

/** Each student's course of the highest chance; of equals the first. */
function highestOf(insights: readonly Insight[]): Map<string, { readonly course: string; readonly p: number }> {
  const highest = new Map<string, { readonly course: string; readonly p: number }>();
  for (const { student, course, p } of insights) {
    if (p !== null && p > (highest.get(student)?.p ?? -Infinity)) highest.set(student, { course, p });
  }
  return highest;
}
