import { factsOf } from "../model/event_types.ts";
import type { FormatContext, ToldEvent } from "../model/told_event.ts";
import { codePoints } from "./escape_text.ts";
import { headLine } from "./format_single.ts";
import { markedLink } from "./marked_link.ts";
import {
  attemptText,
  correctionOf,
  type Group,
  groupFacts,
  groupOf,
  GROUPS,
  happenedText,
  placeText,
  resultText,
  studentText,
  timeTakenText,
  titleText,
  watchedText,
} from "./phrases.ts";
import { listOf, percentText, timeText } from "./wording.ts";

/** One event inside a digest. */
export interface DigestItem {
  readonly index: number;
  readonly event: ToldEvent;
  readonly text: string;
  /** What stands for the marker when the text has no link to carry it: it goes to the message's last line. */
  readonly ref: string | null;
}

/** Items about one exam or content in one group; with `label` they share a line, without each has its own. */
export interface DigestBlock {
  readonly group: Group;
  readonly activity: string;
  readonly label: string | null;
  readonly items: readonly DigestItem[];
}

/** Sorts events into blocks: failures first, then the other groups, inside a group by exam or content as they came. */
export function planDigest(events: readonly ToldEvent[], ctx: FormatContext): DigestBlock[] {
  const blocks = new Map<string, { group: Group; activity: string; indexes: number[] }>();
  const activitiesByTitle = new Map<string, Set<string>>();
  const overtaken = overtakenOf(events);
  events.forEach((event, index) => {
    const activity = activityKey(event);
    const group = overtaken.has(index) ? "overtaken" : groupOf(event);
    const key = `${group}\n${activity}`;
    const block = blocks.get(key) ?? { group, activity, indexes: [] };
    block.indexes.push(index);
    blocks.set(key, block);
    const same = activitiesByTitle.get(event.title ?? "") ?? new Set();
    activitiesByTitle.set(event.title ?? "", same.add(activity));
  });
  const isNamesake = (event: ToldEvent) => (activitiesByTitle.get(event.title ?? "")?.size ?? 0) > 1;
  return [...blocks.values()]
    .toSorted((a, b) => GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group))
    .map(({ group, activity, indexes }) => {
      const entries = indexes.flatMap((index) => {
        const event = events[index];
        return event === undefined ? [] : [{ index, event }];
      });
      const [first] = entries;
      const shared = entries.length > 1 && first !== undefined;
      const label = shared
        ? `**${titleText(first.event)}**${isNamesake(first.event) ? inPlace(first.event) : ""}`
        : null;
      const items = sorted(group, entries).map(({ index, event }) => {
        const link = markedLink(event, ctx.links);
        const text = shared && !groupFacts(group).lineEach
          ? sharedText(event, group, link, ctx)
          : shared && group === "exam_failed" && event.revision === 1
          ? failureText(event, link, ctx)
          : `${group === "overtaken" ? "before that: " : ""}${ownLineText(event, link, isNamesake(event), ctx)}`;
        return { index, event, text, ref: link === null ? event.ref : null };
      });
      return { group, activity, label, items };
    });
}

/**
 * Which of the events a later report of the same finish follows: after it, not before it, or a failure that was taken back would be read
 * as the result, since failures stand first.
 */
function overtakenOf(events: readonly ToldEvent[]): ReadonlySet<number> {
  const last = new Map<string, number>();
  for (const event of events) {
    const attempt = finishKey(event);
    if (attempt !== null) last.set(attempt, Math.max(event.revision, last.get(attempt) ?? 0));
  }
  return new Set(
    events.flatMap((event, index) => event.revision < (last.get(finishKey(event) ?? "") ?? 0) ? index : []),
  );
}

/** Where an LMS uses a row for the next attempt of the same student, the number of the try tells them apart. */
function finishKey(event: ToldEvent): string | null {
  if (factsOf(event.type).stage !== "finished") return null;
  return [event.source, event.kind, event.attemptId, event.student.id, event.activityId, event.attemptNo].join("\n");
}

export function activityKey(event: ToldEvent): string {
  return `${event.source}\n${event.kind}\n${event.activityId ?? `? ${event.title ?? ""}`}`;
}

/** ` (Physics › Electrostatics)`, where two exams of one message have the same title. */
function inPlace(event: ToldEvent): string {
  const place = placeText(event);
  return place === "" ? "" : ` (${place})`;
}

/** Worst failures and best passes first; everything else as it came. */
function sorted<T extends { readonly event: ToldEvent }>(group: Group, entries: readonly T[]): readonly T[] {
  if (group !== "exam_failed" && group !== "exam_passed") return entries;
  const sign = group === "exam_failed" ? 1 : -1;
  const rank = ({ event }: T) => event.metadata.percentage ?? event.metadata.score ?? Infinity * sign;
  return entries.toSorted((a, b) => rank(a) === rank(b) ? 0 : sign * (rank(a) - rank(b)));
}

/** `Student 17 [82%](…)`: one of many in a line. The link's text says what is known best. */
function sharedText(event: ToldEvent, group: Group, link: string | null, ctx: FormatContext): string {
  const { percentage, pass_percentage: pass } = event.metadata;
  const watched = watchedText(event.metadata);
  const time = `${event.occurredAtApproximate ? "about " : ""}${timeText(event.occurredAt, ctx.now, ctx.timezone)}`;
  const graded = group === "exam_passed" || group === "graded";
  const value = graded
    ? (percentage === null ? resultText(event.metadata) : percentText(percentage, pass)) ?? "attempt"
    : group === "content_watched" && watched !== null
    ? watched
    : time;
  return `${studentText(event)} ${link === null ? value : `[${value}](${link})`}`;
}

/** `**Student 4**: 41/180 (23%, pass 40%), 13:02, [attempt](…)`, under the exam's own heading. */
function failureText(event: ToldEvent, link: string | null, ctx: FormatContext): string {
  const result = resultText(event.metadata);
  return `**${studentText(event)}**${result === null ? "" : `: ${result}`}${tail(event, link, ctx)}`;
}

/** A line of its own, as in a single message. */
function ownLineText(event: ToldEvent, link: string | null, isNamesake: boolean, ctx: FormatContext): string {
  const place = isNamesake ? inPlace(event) : "";
  return `${headLine(event, ctx, "entry").line}${place}${tail(event, link, ctx)}`;
}

function tail(event: ToldEvent, link: string | null, ctx: FormatContext): string {
  const happened = happenedText(event, ctx);
  const isFailure = event.type === "exam_failed" && event.change === null;
  return `, ${
    listOf(
      attemptText(event),
      isFailure && timeTakenText(event.metadata),
      // After "you were told … at 13:04" a bare time would be read as that of the correction.
      correctionOf(event) === null ? happened.slice(happened.indexOf(" ") + 1) : happened,
      link !== null && `[${event.kind !== "content" ? "attempt" : "open"}](${link})`,
    )
  }`;
}

/** `Passed **Rank Test 12** (11): `, the beginning of a shared line. */
export function blockHead(block: DigestBlock, size: number): string {
  const { sign, verb } = groupFacts(block.group);
  return `${sign} ${verb.charAt(0).toUpperCase()}${verb.slice(1)} ${block.label ?? ""} (${size})`;
}

export function hasOwnLines(block: DigestBlock): boolean {
  return block.label === null || groupFacts(block.group).lineEach;
}

/** What an item costs at most in a message, in code points, with its separator, bullet and its share of the ref line. */
export function itemCost(item: DigestItem): number {
  return codePoints(item.text) + 6 + (item.ref === null ? 0 : item.ref.length + 1);
}
