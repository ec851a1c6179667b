import * as q from "../../sql/state/explain.ts";
import type { ExplainedEventRow, MentorNewsRow } from "../../sql/state/explain.ts";
import type { LmsId } from "../model/event.ts";
import { mentorRecipient } from "../model/recipient.ts";
import { type EpochMicros, fromInstant } from "../model/time.ts";
import type { Explained } from "../tell/explain_delivery.ts";
import { counted } from "../text/counted.ts";
import { jsonTime } from "./command_json.ts";
import type { Asked, Explainer } from "./explain_facts.ts";

/** What was found of a mentor's students: without news there is nothing to tell, and of some of it nobody is told. */
export interface MentorNews {
  readonly events: number;
  /** Of them: told, but not to this mentor. */
  readonly forOthers: number;
  readonly newestAt: EpochMicros | null;
  /** Found before `since`, where nothing was found since then. */
  readonly newestBefore: EpochMicros | null;
  /** The newest of any student. */
  readonly newestOfAll: EpochMicros | null;
  readonly notTold: readonly MentorNewsRow[];
  /** The newest event of each of `notTold`. */
  readonly examples: readonly ExplainedEventRow[];
}

/** Events that nobody is told of for one reason, and what is said of the newest. */
export interface UntoldNews {
  readonly row: MentorNewsRow;
  readonly verdict: Explained;
}

export async function readMentorNews(
  { db, source }: Asked,
  mentorId: LmsId,
  since: EpochMicros | null,
): Promise<MentorNews> {
  const of = { source, mentorId, recipient: mentorRecipient(mentorId), since };
  const rows = [...await q.newsOfMentor(db.sql, of)];
  const before = rows.length > 0 || since === null ? [] : [...await q.newsOfMentor(db.sql, { ...of, since: null })];
  const [ofAll] = await q.explainedEvents(db.sql, { source, limit: 1 });
  const notTold = rows.filter((row) => row.reason !== null);
  const examples = await Promise.all(
    notTold.map((row) => q.explainedEvents(db.sql, { source, eventId: row.newest_event, limit: 1 })),
  );
  return {
    events: rows.reduce((sum, row) => sum + row.events, 0),
    forOthers: rows.reduce((sum, row) => sum + row.for_others, 0),
    newestAt: newest(rows),
    newestBefore: newest(before),
    newestOfAll: ofAll === undefined ? null : fromInstant(ofAll.detected_at),
    notTold,
    examples: examples.flatMap((each) => [...each]),
  };
}

const newest = (rows: readonly MentorNewsRow[]): EpochMicros | null =>
  rows.length === 0 ? null : Math.max(...rows.map((row) => fromInstant(row.newest_at)));

export function untoldNews(news: MentorNews, explainer: Explainer): UntoldNews[] {
  return news.notTold.flatMap((row) => {
    const event = news.examples.find((each) => each.event_id === row.newest_event);
    const [explained] = event === undefined ? [] : explainer.explain(event);
    return explained === undefined ? [] : [{ row, verdict: explained.verdict }];
  });
}

export function newsLine(
  news: MentorNews,
  since: EpochMicros | null,
  when: (at: EpochMicros) => string,
): string {
  const from = since === null ? "" : ` since ${when(since)}`;
  if (news.newestAt !== null) {
    return `Found of their students${from}: ${counted(news.events, "event")}, the newest at ${when(news.newestAt)}`;
  }
  const before = news.newestBefore === null ? "" : `; the newest before was found at ${when(news.newestBefore)}`;
  const all = news.newestOfAll === null ? "" : `; the newest of any student at ${when(news.newestOfAll)}`;
  return `Found of their students${from}: nothing${before}${all}`;
}

/** Who became the mentor later is told of what is found from then on. */
export function othersLines({ forOthers }: MentorNews, mentorId: LmsId): string[] {
  if (forOthers === 0) return [];
  const were = forOthers === 1 ? "was" : "were";
  return [
    `${forOthers} of these ${were} not for this mentor, as the links were when they were found ` +
    `(\`lmsmon explain --student ID --mentor ${mentorId}\`)`,
  ];
}

/** `3 of these told to nobody (too_old), the newest is event 42: it was too old …`. */
export function untoldLine({ row, verdict }: UntoldNews): string {
  return `${row.events} of these told to nobody (${row.reason}), the newest is event ${row.newest_event}: ` +
    `${verdict.says}. ${verdict.change}`;
}

export function untoldJson({ row, verdict }: UntoldNews) {
  return {
    rule: verdict.rule,
    events: row.events,
    newest_event_id: BigInt(row.newest_event),
    newest_at: jsonTime(row.newest_at),
    reason: verdict.says,
    what_would_change_it: verdict.change === "" ? null : verdict.change,
  };
}
