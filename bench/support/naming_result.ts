import type { Mention } from "../../lib/insights/naming.ts";

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

const keyOf = ({ student, course }: Mention) => `${course}/${student}`;
