import { type EventType, eventTypeOf } from "../model/event_types.ts";
import { formatUtc } from "../model/time.ts";
import { oneLine } from "../format/escape_text.ts";
import { durationText } from "../format/wording.ts";
import { counted } from "../text/counted.ts";
import { localTime } from "../text/local_time.ts";
import type { EventItem, HistoryItem, WeekItem } from "./items.ts";

/** What no reader sees and a language model reads: tags and the like, in which a sentence can be hidden behind a title. */
const HIDDEN = /[\u{e0000}-\u{e0fff}]/gu;

/** Text of the LMS in a line: on one line, short, nothing in it hidden or turned around, and between signs that it cannot end itself. */
export function quoted(text: string | null): string {
  return `«${oneLine((text ?? "").replace(HIDDEN, ""), 80)?.replace(/[«»]/g, "'") ?? "without a title"}»`;
}

/** One line for people and models; `title` makes text of the LMS safe where the line goes. */
export function lineOf(
  { at, content }: HistoryItem,
  timezone: string,
  title: (text: string | null) => string = quoted,
): string {
  if (content.is === "week") return `week of ${content.monday}: ${weekWords(content)}`;
  const where = content.course === null ? "" : ` in ${title(content.course)}`;
  return `${localTime(at, timezone)} ${content.is} ${title(content.title)}${where}: ${eventWords(content)}`;
}

/** What became of an attempt, in one word. */
const WORDS: Readonly<Record<EventType, string>> = {
  exam_started: "started",
  exam_completed: "finished",
  exam_failed: "failed",
  exam_passed: "passed",
  content_started: "started",
  content_completed: "completed",
  content_watched: "watched",
};

/** `failed, 41 %, pass mark 50 %`: what became of it. */
export function eventWords({ type, corrects, tries, metadata: m }: EventItem): string {
  const known = eventTypeOf(type);
  const parts = [`${corrects ? "corrected: now " : ""}${known === null ? type : WORDS[known]}`];
  if (m.percentage !== null) parts.push(`${m.percentage} %`);
  else if (m.graded === false) parts.push("result not out yet");
  if (corrects && m.previous?.percentage != null) parts.push(`was ${m.previous.percentage} %`);
  if (m.pass_percentage !== null && m.percentage !== null) parts.push(`pass mark ${m.pass_percentage} %`);
  if (tries !== null && tries > 1) parts.push(`try ${tries}`);
  if (m.time_taken_s !== null && m.graded !== null) parts.push(`took ${durationText(m.time_taken_s)}`);
  if (m.watched_percentage !== null) parts.push(`${m.watched_percentage} % watched`);
  return parts.join(", ");
}

function weekWords({ exams, passed, failed, average, started, finished, days }: WeekItem): string {
  const marks = [
    ...(passed > 0 ? [`${passed} passed`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(average === null ? [] : [`average ${average} %`]),
  ];
  return [
    `${counted(exams, "exam")}${marks.length === 0 ? "" : ` (${marks.join(", ")})`}`,
    `${counted(started, "content")} (${finished} finished)`,
    `active on ${counted(days, "day")}`,
  ].join(", ");
}

/** The same for programs. */
export function itemJson({ at, content }: HistoryItem): Record<string, unknown> {
  if (content.is === "week") {
    const { is, monday, ...counts } = content;
    return { kind: is, week_of: monday, ...counts };
  }
  const { is, eventId, type, corrects, title, course, tries, metadata } = content;
  return {
    kind: is,
    event_id: eventId,
    at: formatUtc(at),
    type,
    corrects,
    title,
    course,
    try: tries,
    verdict: metadata.verdict,
    percentage: metadata.percentage,
    watched_percentage: metadata.watched_percentage,
  };
}
