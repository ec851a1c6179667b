import { escapeText } from "../format/escape_text.ts";
import type { PatternType } from "../model/pattern_types.ts";
import { counted } from "../text/counted.ts";
import { shortDate } from "../text/short_date.ts";
import type { Insight } from "./insight.ts";
import { type Mention, nameOn, NAMING, type NamingPolicy } from "./naming.ts";

/** Something that goes on with a student, and since when. */
export interface OpenPattern {
  readonly type: PatternType;
  /** ISO date. */
  readonly since: string;
}

/** A student who is named to a mentor, with what is said; texts of the LMS as they are. */
export interface NamedStudent {
  readonly name: string;
  readonly course: string | null;
  readonly reasons: readonly string[];
  readonly patterns: readonly OpenPattern[];
  /** ISO date of the last activity; null: none so far. */
  readonly lastActive: string | null;
  /** The newest events, each a line that is safe to send. */
  readonly facts: readonly string[];
}

/** Whom each mentor would be named this week; `said`: who was named before. By mentor, the most urgent first. Pure. */
export function namedThisWeek(
  day: number,
  insights: readonly Insight[],
  mentorsOf: (student: string) => readonly string[],
  said: readonly Mention[] = [],
  policy: NamingPolicy = NAMING,
): Map<string, readonly Insight[]> {
  const byKey = new Map(insights.map((one) => [`${one.course}/${one.student}`, one]));
  const mentions = nameOn(day, insights, mentorsOf, said, policy);
  return new Map(
    [...Map.groupBy(mentions, ({ mentor }) => mentor)].map(([mentor, list]) => [
      mentor,
      list.flatMap(({ course, student }) => byKey.get(`${course}/${student}`) ?? []),
    ]),
  );
}

/** What a mentor reads on a phone: who, why, since when, and the last facts, one line each. Pure. */
export function weeklyMessage(students: readonly NamedStudent[]): string {
  const who = students.length === 1 ? "One of your students" : `${counted(students.length, "student")} of yours`;
  return [
    `**${who} may be glad of a call**`,
    ...students.map(paragraph),
    "*What the LMS shows, no judgement: it knows nothing of illness, holidays or work on paper.*",
  ].join("\n\n");
}

function paragraph({ name, course, reasons, patterns, lastActive, facts }: NamedStudent): string {
  const where = escapeText(course);
  return [
    `**${escapeText(name) ?? "A student without a name"}**${where === null ? "" : `, ${where}`}`,
    `- why: ${reasons.join("; ")}`,
    `- since: ${sinceWords(patterns, lastActive)}`,
    ...facts.map((fact) => `- ${fact}`),
  ].join("\n");
}

const SINCE: Readonly<Record<PatternType, string>> = {
  gone_quiet: "no activity after",
  deadline_missed: "work due on",
  engagement_drop: "fewer active days from",
  performance_drop: "marks lower in the course from",
};

function sinceWords(patterns: readonly OpenPattern[], lastActive: string | null): string {
  if (patterns.length > 0) return patterns.map(({ type, since }) => `${SINCE[type]} ${shortDate(since)}`).join("; ");
  return lastActive === null ? "no activity so far" : `last active on ${shortDate(lastActive)}`;
}
