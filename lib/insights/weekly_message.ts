import { codePoints } from "../format/escape_text.ts";
import type { PatternType } from "../model/pattern_types.ts";
import { counted } from "../text/counted.ts";
import { shortDate } from "../text/short_date.ts";

/** Something that goes on with a student, and since when. */
export interface OpenPattern {
  readonly type: PatternType;
  /** ISO date. */
  readonly since: string;
}

/** Somebody who is named; texts are safe to send. */
interface Named {
  readonly name: string;
  readonly course: string | null;
}

/** A student who may be glad of a call, with what is said. */
export interface NamedStudent extends Named {
  readonly reasons: readonly string[];
  readonly patterns: readonly OpenPattern[];
  /** ISO date of the last activity; null: none so far. */
  readonly lastActive: string | null;
  /** The newest events, a line each. */
  readonly facts: readonly string[];
}

/** A student whose work was said to be missing, and no longer is. */
export interface CameStudent extends Named {
  /** ISO dates on which it was due, the earliest of each. */
  readonly due: readonly string[];
}

export interface WeeklyContent {
  readonly calls: readonly NamedStudent[];
  readonly came: readonly CameStudent[];
  /** ISO date of the day as of whose end the students were judged. */
  readonly asOf: string;
  /** How the message is found again in Zulip; `null`: it is only shown. */
  readonly ref: string | null;
}

/** Names in the first line, which is all that a phone shows of it. */
const NAMES_IN_HEAD = 3;
const CAVEAT = "it knows nothing of illness, holidays or work on paper";

/** Zulip cuts what is longer (10,000), and the `ref` is at the end; a trial puts a line before it. */
const LONGEST = 9_500;

/**
 * What a mentor reads on a phone: who, why, since when, and the last facts, one line each; where names are very long, fewer facts, and in
 * the end no courses. Of ten students each at most. Pure.
 */
export function weeklyMessage(content: WeeklyContent): string {
  for (let facts = Math.max(0, ...content.calls.map((call) => call.facts.length)); facts >= 0; facts--) {
    const calls = content.calls.map((call) => ({ ...call, facts: call.facts.slice(0, facts) }));
    const text = textOf({ ...content, calls });
    if (codePoints(text) <= LONGEST) return text;
  }
  const calls = content.calls.map((call) => ({ ...call, course: null, facts: [] }));
  return textOf({ ...content, calls, came: content.came.map((one) => ({ ...one, course: null })) });
}

function textOf({ calls, came, asOf, ref }: WeeklyContent): string {
  const cameLines = came.map((one) =>
    `- ${who(one)}: ${list(one.due.map((date) => `work due on ${shortDate(date)}`))}`
  );
  const parts = calls.length === 0
    ? [["✅ **No longer missing**, of what was named before", ...cameLines].join("\n")]
    : [
      head(calls),
      ...calls.map(paragraph),
      ...(came.length === 0 ? [] : [["✅ No longer missing, of what was named before:", ...cameLines].join("\n")]),
      `*From the LMS alone, up to ${shortDate(asOf)}: ${CAVEAT}.*`,
    ];
  return `${parts.join("\n\n")}${ref === null ? "" : `\n\`ref ${ref}\``}`;
}

function head(calls: readonly NamedStudent[]): string {
  const names = [...new Set(calls.map(({ name }) => `**${name}**`))];
  const said = names.length > NAMES_IN_HEAD ? `**${counted(names.length, "student")} of yours**` : list(names);
  return `📞 ${said} may be glad of a call`;
}

function paragraph({ reasons, patterns, lastActive, facts, ...named }: NamedStudent): string {
  return [
    who(named),
    `- why: ${reasons.join("; ")}`,
    `- since: ${sinceWords(patterns, lastActive)}`,
    ...(facts.length === 0 && lastActive === null && patterns.length > 0 ? ["- no activity so far"] : []),
    ...facts.map((fact) => `- ${fact}`),
  ].join("\n");
}

const who = ({ name, course }: Named) => `**${name}**${course === null ? "" : `, ${course}`}`;

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

/** `a`, `a and b`, `a, b and c`. */
const list = (parts: readonly string[]) =>
  parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
