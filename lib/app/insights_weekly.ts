import { historyEvents } from "../../sql/state/history.ts";
import { courses, mentorsOfStudents, namesOfPeople } from "../../sql/state/insight_names.ts";
import { type OpenPatternRow, openPatterns } from "../../sql/state/patterns.ts";
import { escapeText } from "../format/escape_text.ts";
import { eventItem } from "../history/items.ts";
import { lineOf } from "../history/lines.ts";
import type { Insight } from "../insights/insight.ts";
import type { AsOf } from "../insights/read_insights.ts";
import { type NamedStudent, namedThisWeek, weeklyMessage } from "../insights/weekly_message.ts";
import type { PatternType } from "../model/pattern_types.ts";
import type { Queryable } from "../state/state_db.ts";
import { counted } from "../text/counted.ts";
import type { CommandContext } from "./command_context.ts";

const FACTS = 3;

/** A message as a mentor would get it. */
export interface WeeklyMessage {
  readonly mentor: string;
  readonly content: string;
}

/** `insights --dry-run`: what a weekly message would say, mentor by mentor. Nothing is sent. */
export async function showWeekly(
  { out, config }: CommandContext,
  sql: Queryable,
  insights: readonly Insight[],
  at: AsOf,
  onlyMentor: string | null,
): Promise<void> {
  const messages = await weeklyMessages(sql, config.source.name, insights, at, onlyMentor);
  for (const { mentor, content } of messages) {
    out.writeLine(`To mentor ${mentor}:`);
    for (const line of content.split("\n")) out.writeLine(line === "" ? "" : `  ${line}`);
    out.writeLine();
  }
  out.writeLine(
    messages.length === 0
      ? `Nobody would be named to a mentor on ${at.day}`
      : `${counted(messages.length, "message")} as of ${at.day}; nothing was sent: lmsmon sends no weekly message yet`,
  );
}

/** The messages of a week in which nobody was named before. */
export async function weeklyMessages(
  sql: Queryable,
  source: string,
  insights: readonly Insight[],
  at: AsOf,
  onlyMentor: string | null,
): Promise<WeeklyMessage[]> {
  const mentors = Map.groupBy(await mentorsOfStudents(sql, source), ({ student_id }) => student_id);
  const mentorsOf = (student: string) =>
    (mentors.get(student) ?? []).map(({ mentor_id }) => mentor_id)
      .filter((mentor) => onlyMentor === null || mentor === onlyMentor);
  const named = namedThisWeek(0, insights, mentorsOf);
  const ids = [...new Set([...named.values()].flat().map(({ student }) => student))];
  const names = new Map((await namesOfPeople(sql, source, "student", ids)).map((row) => [row.id, row]));
  const titles = new Map((await courses(sql, source)).map(({ course_id, title }) => [course_id, title]));
  const open = await openPatterns(sql, source);
  const facts = new Map<string, string[]>();
  for (const id of ids) facts.set(id, await factsOf(sql, source, id, at));
  const said = ({ student, course, reasons, standing }: Insight): NamedStudent => ({
    name: names.get(student)?.name ?? names.get(student)?.username ?? `Student ${student}`,
    course: titles.get(course) ?? null,
    reasons,
    patterns: open.filter((row) => row.student_id === student && row.course_id === course).map(patternOf),
    lastActive: standing.idle_days === null
      ? null
      : Temporal.PlainDate.from(at.day).subtract({ days: standing.idle_days }).toString(),
    facts: facts.get(student) ?? [],
  });
  return [...named].map(([mentor, list]) => ({ mentor, content: weeklyMessage(list.map(said)) }));
}

const patternOf = ({ type, since }: OpenPatternRow) => ({ type: type as PatternType, since }); // the table holds no other

const EVER = { since: null, until: null };

/** The newest events, newest first. */
async function factsOf(sql: Queryable, source: string, student: string, { timezone }: AsOf): Promise<string[]> {
  const rows = await historyEvents(sql, source, student, { since: null, detected: EVER, before: null, limit: FACTS });
  const title = (text: string | null) => escapeText(text) ?? "without a title";
  return rows.map((row) => lineOf(eventItem(row), timezone, title));
}
