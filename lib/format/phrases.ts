import { NOT_HANDED_IN } from "../../sql/lms/own_results.ts";
import { MICROS_PER_SECOND } from "../model/time.ts";
import { type EventMetadata, isCorrection, type Reported } from "../model/event.ts";
import { EVENT_TYPES, type EventType, type EventTypeFacts, factsOf } from "../model/event_types.ts";
import type { FormatContext, ToldEvent } from "../model/told_event.ts";
import { escapeClean, escapeText, NAME_LENGTH, oneLine, OTHER_NAME_LENGTH, TITLE_LENGTH } from "./escape_text.ts";
import { count, durationText, listOf, ordinal, percentText, scoreText, timeText } from "./wording.ts";

/**
 * What an event comes down to for a mentor: its type, or `graded` (a result without a verdict), `not_handed_in` (it is over, and
 * nothing came of it), or `corrected`. In a digest, a correction that turned a result to failed stands among the failures, and what a
 * later report in the same digest corrects is `overtaken`.
 */
export type Group = EventType | "graded" | "not_handed_in" | "corrected" | "overtaken";

type GroupFacts = Pick<EventTypeFacts, "digestRank" | "sign" | "verb" | "noun" | "counted" | "lineEach">;

const BY_CIRCUMSTANCE: Readonly<Record<Exclude<Group, EventType>, GroupFacts>> = {
  not_handed_in: {
    digestRank: 2,
    sign: "❗",
    verb: "did not hand in",
    noun: ["exam", "exams"],
    counted: (n) => `${n} not handed in`,
    lineEach: true,
  },
  graded: {
    digestRank: 5,
    // The sign of a pass stands for a pass alone.
    sign: "📝",
    verb: "completed",
    noun: ["exam", "exams"],
    counted: (n) => `${n} completed`,
    lineEach: false,
  },
  corrected: {
    digestRank: 6,
    sign: "✏️",
    verb: "corrected",
    noun: ["exam", "exams"],
    counted: (n) => `${n} corrected`,
    lineEach: true,
  },
  overtaken: {
    digestRank: 7,
    sign: "✏️",
    verb: "had another result in",
    noun: ["exam", "exams"],
    counted: (n) => `${count(n, "earlier report")}`,
    lineEach: true,
  },
};

/** How a group is worded, the same in single messages and digests. */
export function groupFacts(group: Group): GroupFacts {
  return isByCircumstance(group) ? BY_CIRCUMSTANCE[group] : factsOf(group);
}

const isByCircumstance = (group: Group): group is Exclude<Group, EventType> => Object.hasOwn(BY_CIRCUMSTANCE, group);

/** All groups in the order of a digest. */
export const GROUPS: readonly Group[] = [
  ...EVENT_TYPES,
  "graded" as const,
  "not_handed_in" as const,
  "corrected" as const,
  "overtaken" as const,
]
  .toSorted((a, b) => groupFacts(a).digestRank - groupFacts(b).digestRank);

/** What happened, without regard to whether it corrects something, or is corrected: these are never the answer. */
export function plainGroup(event: ToldEvent): Exclude<Group, "corrected" | "overtaken"> {
  if (event.type !== "exam_completed") return event.type;
  if (event.metadata.graded === true && resultText(event.metadata) !== null) return "graded";
  return event.metadata.result === NOT_HANDED_IN ? "not_handed_in" : event.type;
}

export function groupOf(event: ToldEvent): Group {
  const plain = plainGroup(event);
  if (correctionOf(event) === null) return plain;
  return plain === "exam_failed" && event.change === "verdict" ? plain : "corrected";
}

/**
 * What the correction corrects, or `null` when the event is no correction for this reader: a first result, and a verdict where
 * none was told before. So a mark that was told without a verdict reads as a plain result when its verdict comes; another mark
 * corrects it.
 */
export function correctionOf(event: ToldEvent): Reported | null {
  if (!isCorrection(event.change)) return null;
  const before = event.previousTold ?? event.metadata.previous;
  if (before === null || before.verdict !== null) return before;
  return event.change === "score" && before.score !== null ? before : null;
}

/** The student, escaped: name, else username, else the LMS's own key; with the username when another shares the name. */
export function studentText(event: Pick<ToldEvent, "student" | "keys">, max = NAME_LENGTH): string {
  const { id, name, username, nameIsShared } = event.student;
  const shown = escapeText(name, max);
  const login = escapeText(username, max);
  const key = escapeText(event.keys?.student ?? null, max) ?? (id === null ? null : escapeClean(id));
  if (shown === null) return login ?? (key === null ? "A student" : `Student ${key}`);
  if (!nameIsShared) return shown;
  return `${shown} (${login ?? `id ${key ?? "unknown"}`})`;
}

/** The exam's or content's title, clean but not escaped; `exam 133` when it has none. */
export function titleClean(event: ToldEvent): string {
  const title = oneLine(event.title, TITLE_LENGTH);
  if (title !== null) return title;
  // A number that stands for a text inside lmsmon would mean nothing to a mentor.
  const key = oneLine(event.keys?.activity ?? null, TITLE_LENGTH) ?? event.activityId;
  if (key !== null) return `${event.kind} ${key}`;
  return event.kind === "content" ? "some content" : `an ${event.kind}`;
}

export function titleText(event: ToldEvent, max = TITLE_LENGTH): string {
  return escapeText(titleClean(event), max) ?? "";
}

/** `Physics › Electrostatics`, escaped; empty when neither is known. */
export function placeText(event: ToldEvent): string {
  const course = escapeText(event.course, TITLE_LENGTH);
  const chapter = escapeText(event.chapter, TITLE_LENGTH);
  return [course, chapter === course ? null : chapter].filter((part) => part !== null).join(" › ");
}

/** `148/180`, `148 points`; `null` when there is no score. */
function scoreOf(metadata: EventMetadata): string | null {
  if (metadata.score === null) return null;
  if (metadata.score_max === null || metadata.score_max <= 0) return pointsText(metadata.score);
  return `${scoreText(metadata.score)}/${scoreText(metadata.score_max)}`;
}

const pointsText = (score: number) => score === 1 ? "1 point" : `${scoreText(score)} points`;

/** `148/180 (82%)`, `41/180 (23%, pass 40%)`, `82%`; `null` when nothing is known, or not graded: never "0%" for that. */
export function resultText(metadata: EventMetadata): string | null {
  if (metadata.graded !== true) return null;
  const { percentage, pass_percentage: pass } = metadata;
  const score = scoreOf(metadata);
  const percent = percentage === null ? null : percentText(percentage, pass);
  const mark = metadata.verdict === "fail" && pass !== null && pass > 0 ? `pass ${percentText(pass)}` : null;
  if (score === null) return percent === null ? null : mark === null ? percent : `${percent}, ${mark}`;
  const inside = listOf(percent, mark);
  return inside === "" ? score : `${score} (${inside})`;
}

/** `41 → 73/180`, `23% → 41%`; the new result alone when the numbers did not move or the old ones are unknown. */
export function movedResult(previous: Reported, metadata: EventMetadata): string | null {
  const score = scoreOf(metadata);
  if (score !== null && previous.score !== null && previous.score !== metadata.score) {
    return `${scoreText(previous.score)} → ${score}`;
  }
  const { percentage, pass_percentage: pass } = metadata;
  if (percentage !== null && previous.percentage !== null && percentage !== previous.percentage) {
    return `${percentText(previous.percentage, pass)} → ${percentText(percentage, pass)}`;
  }
  return resultText(metadata);
}

/** `you were told "failed" on 20 Nov 13:04`, or `was failed` when this reader was told nothing. */
export function toldBefore(event: ToldEvent, ctx: FormatContext): string | null {
  const told = event.previousTold;
  if (told === null) {
    const verdict = event.metadata.previous?.verdict ?? null;
    return event.change === "verdict" && verdict !== null ? `was ${verdictWord(verdict)}` : null;
  }
  const time = timeText(told.at, ctx.now, ctx.timezone);
  const said = event.change === "verdict" || told.score === null
    ? `"${told.verdict === null ? "result not out yet" : verdictWord(told.verdict)}"`
    : scoreText(told.score);
  return `you were told ${said} ${time.includes(" ") ? "on" : "at"} ${time}`;
}

export const verdictWord = (verdict: "pass" | "fail") => verdict === "pass" ? "passed" : "failed";

/** `38 right, 4 wrong, 3 blank`; nothing for an ungraded attempt or when nothing was counted. */
export function answersText(metadata: EventMetadata): string {
  const { correct, incorrect, unanswered } = metadata;
  if (metadata.graded !== true || !(correct || incorrect || unanswered)) return "";
  const part = (n: number | null, word: string) => n === null ? null : `${n} ${word}`;
  return listOf(part(correct, "right"), part(incorrect, "wrong"), part(unanswered, "blank"));
}

/** `2 h 12 min of 3 h`, `took 2 h 12 min`. */
export function timeTakenText(metadata: EventMetadata): string | null {
  const { time_taken_s: taken, duration_allowed_s: allowed } = metadata;
  if (taken === null || taken <= 0) return null;
  return allowed === null || allowed <= 0
    ? `took ${durationText(taken)}`
    : `${durationText(taken)} of ${durationText(allowed)}`;
}

/** `92%`; a video watched in parts twice is not more than whole. */
export function watchedText(metadata: EventMetadata): string | null {
  return metadata.watched_percentage === null ? null : percentText(Math.min(100, metadata.watched_percentage));
}

export function attemptText(event: ToldEvent): string | null {
  return event.attemptNo !== null && event.attemptNo > 1 ? `${ordinal(event.attemptNo)} attempt` : null;
}

/** `finished 13:02`, `submitted about 20 Nov 13:02`: a time that lmsmon had to estimate is not stated as a fact. */
export function happenedText(event: ToldEvent, ctx: FormatContext): string {
  const group = plainGroup(event);
  const verb = group === "graded" ? "finished" : group === "not_handed_in" ? "closed" : factsOf(group).timeVerb;
  return `${verb} ${event.occurredAtApproximate ? "about " : ""}${timeText(event.occurredAt, ctx.now, ctx.timezone)}`;
}

/** True when "just" is no lie: under ten minutes old by a time that the LMS itself gave. */
export function isFresh(event: ToldEvent, ctx: FormatContext): boolean {
  const age = ctx.now - event.occurredAt;
  return !event.occurredAtApproximate && Math.abs(age) < 600 * MICROS_PER_SECOND;
}

/** Before the names of other mentors; by it a text that names some is known when one of them is erased. */
export const ALSO_TOLD = "also told: ";

/** `also told: Mentor 2`; at most `max` names. */
export function alsoToldText(names: readonly string[], max: number): string | null {
  const known = names.map((name) => escapeText(name, OTHER_NAME_LENGTH)).filter((name) => name !== null);
  const more = names.length - Math.min(known.length, max);
  if (known.length === 0) return names.length === 0 ? null : `${ALSO_TOLD}${count(names.length, "other mentor")}`;
  return `${ALSO_TOLD}${listOf(...known.slice(0, max))}${more > 0 ? ` and ${more} more` : ""}`;
}

/** `, told 3 h late after an outage`, for the end of a first line. */
export function lateText(ctx: FormatContext): string {
  return ctx.delayedMs === null || ctx.delayedMs < 60_000
    ? ""
    : `, told ${durationText(ctx.delayedMs / 1000)} late after an outage`;
}
