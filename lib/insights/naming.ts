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

/** Whom the policy names on a day, given what was said before. Pure. */
export function nameOn(
  day: number,
  insights: readonly Insight[],
  mentorsOf: (student: string) => readonly string[],
  said: readonly Mention[],
  policy: NamingPolicy = NAMING,
): Mention[] {
  const before = Map.groupBy(said, keyOf);
  const wanted = insights.flatMap((insight) => {
    const { student, course, p } = insight;
    if (p === null || p < policy.threshold) return [];
    const times = [...new Map((before.get(keyOf(insight)) ?? []).map((m) => [m.day, m])).values()];
    const last = times.at(-1);
    if (times.length >= policy.times) return [];
    if (last !== undefined && day - last.day < policy.coolDownDays && p < last.p + policy.rise) return [];
    return mentorsOf(student).map((mentor): Mention => ({ student, course, mentor, day, p }));
  }).sort((a, b) => b.p - a.p || (keyOf(a) < keyOf(b) ? -1 : 1));
  return [...Map.groupBy(wanted, ({ mentor }) => mentor).values()].flatMap((list) => list.slice(0, policy.most));
}

export interface NamingResult {
  readonly mentions: number;
  readonly named: number;
  readonly perMentorAndWeek: number;
  /** Of the mentions, how many are of somebody who failed or left. */
  readonly precision: number | null;
  /** The same of the students who were named, each once. */
  readonly studentPrecision: number | null;
  /** Of those who failed or left, how many were named. */
  readonly recall: number | null;
  /** Median days from the first mention to the leaving, of those who left. */
  readonly leadDays: number | null;
}

/** What a simulation of weeks came to. `failed`: everybody who was ever judged, and whether they failed. */
export function summarise(
  said: readonly Mention[],
  failed: ReadonlyMap<string, boolean>,
  leftOn: (key: string) => number | null,
  mentorWeeks: number,
): NamingResult {
  const first = new Map<string, number>();
  for (const mention of said) {
    const key = keyOf(mention);
    first.set(key, Math.min(first.get(key) ?? Infinity, mention.day));
  }
  const right = [...first.keys()].filter((key) => failed.get(key)).length;
  const all = [...failed.values()].filter(Boolean).length;
  const leads = [...first].flatMap(([key, day]) => {
    const left = leftOn(key);
    return left === null || left < day ? [] : [left - day];
  }).sort((a, b) => a - b);
  return {
    mentions: said.length,
    named: first.size,
    perMentorAndWeek: mentorWeeks === 0 ? 0 : said.length / mentorWeeks,
    precision: said.length === 0 ? null : said.filter((m) => failed.get(keyOf(m))).length / said.length,
    studentPrecision: first.size === 0 ? null : right / first.size,
    recall: all === 0 ? null : right / all,
    leadDays: leads.length === 0 ? null : leads[Math.floor(leads.length / 2)] ?? null,
  };
}
