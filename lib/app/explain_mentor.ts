import type { ExplainedPersonRow, MentorDeliveriesRow } from "../../sql/state/explain.ts";
import * as q from "../../sql/state/explain.ts";
import { lettersOfMentor, type ToldLetterRow } from "../../sql/state/letters.ts";
import { mentorRecipient } from "../model/recipient.ts";
import { type EpochMicros, fromInstant } from "../model/time.ts";
import { explainDelivery, type Explained } from "../tell/explain_delivery.ts";
import { type Pause, pausesOf } from "../tell/pauses.ts";
import { counted } from "../text/counted.ts";
import { jsonTime } from "./command_json.ts";
import { type Answer, type Asked, blockedJson, Explainer } from "./explain_facts.ts";
import { newsLine, othersLines, readMentorNews, untoldJson, untoldLine, untoldNews } from "./explain_mentor_news.ts";
import * as words from "./explain_words.ts";

/** Weekly messages of a mentor that are shown. */
const MOST_LETTERS = 5;

/** Deliveries to one mentor that stand at the same place for the same reason, and what is said of them. */
interface ExplainedGroup {
  readonly row: MentorDeliveriesRow;
  readonly verdict: Explained;
}

/** `explain mentor`: what became of everything that there was to tell one mentor (since then), counted by how it stands. */
export async function explainMentor(
  asked: Asked,
  mentor: ExplainedPersonRow,
  since: EpochMicros | null,
): Promise<Answer> {
  const { db, source } = asked;
  const recipient = mentorRecipient(mentor.id);
  const [counts, [of], letters, news] = await Promise.all([
    q.deliveriesOfRecipient(db.sql, source, recipient, since),
    q.studentsOfMentor(db.sql, source, mentor.id),
    lettersOfMentor(db.sql, source, mentor.id, MOST_LETTERS),
    readMentorNews(asked, mentor.id, since),
  ]);
  const explainer = await Explainer.read(asked, news.examples, [mentor.id]);
  const untold = untoldNews(news, explainer);
  const pauses = pausesOf({ recipient, kind: "", studentId: null, activityId: null }, explainer.pauses);
  const groups = counts.map((row) => ({ row, verdict: verdictOn(row, { asked, mentor, explainer, pauses }) }));
  const from = since === null ? "" : ` since ${explainer.when(since)}`;
  const lines = [
    `Mentor ${mentor.id}: ${counted(of?.students ?? 0, "student")} with news${
      mentor.account_timezone === null ? "" : `, reads in ${mentor.account_timezone}`
    }`,
    words.accountLine(mentor, explainer),
    ...pauses.map((pause) => words.pauseLine(pause, explainer)),
    newsLine(news, since, (at) => explainer.when(at)),
    ...untold.map((group) => untoldLine(group)),
    ...othersLines(news, mentor.id),
    ...groups.length === 0 ? [`Nothing was ${since === null ? "ever " : ""}to be told to this mentor${from}`] : [],
    ...groups.map((group) => groupLine(group, explainer)),
    ...letters.map((row) => letterLine(row, explainer)),
  ];
  return {
    lines,
    json: {
      about: "mentor",
      mentor: { ...words.mentorJson(mentor), students: of?.students ?? 0 },
      pauses: pauses.map(words.pauseJson),
      blocked: blockedJson(explainer),
      since_at: jsonTime(since),
      news: {
        events: news.events,
        newest_at: jsonTime(news.newestAt),
        not_for_this_mentor: news.forOthers,
        not_told: untold.map(untoldJson),
      },
      deliveries: groups.map(groupJson),
      weekly: letters.map(letterJson),
      in_words: lines,
    },
  };
}

/** Of deliveries of several events, so the facts of one event are left open. */
function verdictOn(
  row: MentorDeliveriesRow,
  { asked: { now }, mentor, explainer, pauses }: {
    readonly asked: Asked;
    readonly mentor: ExplainedPersonRow;
    readonly explainer: Explainer;
    readonly pauses: readonly Pause[];
  },
): Explained {
  const standing = {
    status: row.status,
    reason: row.reason,
    poll: row.poll_delivery,
    blocked: explainer.blocked?.kind ?? null,
    messageReason: null,
  };
  return explainDelivery(standing, {
    config: explainer.config,
    now,
    event: {
      type: "it",
      occurredAt: now,
      detectedAt: fromInstant(row.oldest_at),
      graceUntil: null,
      pollId: row.poll_id,
      pollReason: row.poll_reason,
    },
    recipient: mentorRecipient(mentor.id),
    nextAt: row.next_at === null ? null : fromInstant(row.next_at),
    attempts: row.attempts,
    error: row.error,
    reason: row.reason,
    account: mentor.account_status === null ? null : { status: mentor.account_status, userId: mentor.account_id },
    pauses,
    blocked: explainer.blocked,
    exclusion: "not_any_more",
    mentors: [],
    isMentorNow: null,
    startedAt: null,
    when: (at) => explainer.when(at),
  });
}

function groupLine({ row, verdict }: ExplainedGroup, explainer: Explainer): string {
  const why = row.reason === null ? "" : ` (${row.reason})`;
  const last = row.last_at === null ? "" : `, the last at ${explainer.when(fromInstant(row.last_at))}`;
  const says = row.status === "sent" ? "" : `: ${verdict.says}. ${verdict.change}`;
  return `${counted(row.deliveries, "delivery", "deliveries")} ${row.status}${why}${last}${says}`;
}

function groupJson({ row, verdict }: ExplainedGroup) {
  return {
    status: row.status,
    rule: verdict.rule,
    deliveries: row.deliveries,
    reason: row.status === "sent" ? null : verdict.says,
    what_would_change_it: verdict.change === "" ? null : verdict.change,
    oldest_at: jsonTime(row.oldest_at),
    last_ended_at: jsonTime(row.last_at),
    next_attempt_at: jsonTime(row.next_at),
  };
}

/** `Weekly message of 2026-11-23: names student 7, 9; sent at 2026-11-23 08:01 (Zulip message 42)`. */
function letterLine(row: ToldLetterRow, explainer: Explainer): string {
  const { day, status, reason, students, processed_at: ended, zulip_message_id: zulipId, next_attempt_at: next } = row;
  const names = students.length === 0 ? "names nobody" : `names student ${students.join(", ")}`;
  const at = ended !== null
    ? ` at ${explainer.when(fromInstant(ended))}`
    : next === null
    ? ""
    : `, looked at again at ${explainer.when(fromInstant(next))}`;
  const why = reason === null ? "" : ` (${reason})`;
  return `Weekly message of ${day}: ${names}; ${status}${why}${at}${
    zulipId === null ? "" : ` (Zulip message ${zulipId})`
  }`;
}

function letterJson({ day, status, reason, students, processed_at, zulip_message_id }: ToldLetterRow) {
  return {
    day,
    status,
    reason,
    student_ids: students.map(BigInt),
    ended_at: jsonTime(processed_at),
    message_id: zulip_message_id === null ? null : BigInt(zulip_message_id),
  };
}
