import type { ExplainedEventRow, ExplainedPersonRow, RevisionRow } from "../../sql/state/explain.ts";
import { isMatchStatus } from "../tell/account_reasons.ts";
import { pauseWords, REASONS, recipientWords } from "../tell/reasons.ts";
import type { Pause } from "../tell/pauses.ts";
import { fromInstant } from "../model/time.ts";
import { jsonTime } from "./command_json.ts";
import type { ExplainedDelivery, Explainer } from "./explain_facts.ts";

/** The account of a message whose mentor was erased. */
const NOBODY = "0";

/** A delivery as a sentence: what became of it, why, and what would change that. */
export function deliveryLines({ row, recipient, verdict }: ExplainedDelivery, explainer: Explainer): string[] {
  const to = recipientWords(recipient);
  const { rule, says } = verdict;
  const change = verdict.change === "" ? [] : [`  What would change it: ${verdict.change}`];
  if (row === null) return [`Not told${recipient === null ? "" : ` to ${to}`} (${rule}): ${says}`, ...change];
  const at = (time: Temporal.Instant | null) => time === null ? "?" : explainer.when(fromInstant(time));
  const message = row.zulip_message_id === null ? null : `message ${row.zulip_message_id}`;
  const user = row.message_to === null || row.message_to === NOBODY ? null : `Zulip user ${row.message_to}`;
  const place = row.channel !== null ? ` in ${row.channel}` : user === null ? "" : ` (${user})`;
  switch (row.status) {
    case "sent":
      return [`Told to ${to}${place}${message === null ? "" : ` by ${message}`} at ${at(row.processed_at)}`];
    case "suppressed":
    case "dead": {
      const ended = [`${row.status} at ${at(row.processed_at)}: ${rule}`, message, user].filter((part) =>
        part !== null
      );
      return [`Not told to ${to} (${ended.join(", ")}): ${says}`, ...change];
    }
    case "waiting":
    case "pending":
    case "held":
      return [`Not told to ${to} yet (${row.status}${rule === "none" ? "" : `: ${rule}`}): ${says}`, ...change];
    default:
      return [`To ${to}${place} (${row.status}): ${says}`, ...change];
  }
}

export function eventLine(event: ExplainedEventRow, explainer: Explainer): string {
  const title = event.activity_title === null ? "" : ` ${JSON.stringify(event.activity_title)}`;
  const revision = event.revision > 1 ? `, revision ${event.revision}` : "";
  const student = event.student_id === null ? "a student who was erased" : `student ${event.student_id}`;
  return `Event ${event.event_id}: ${event.event_type}${revision}, ${student}, ${event.kind} ${
    event.activity_id ?? "without id"
  }${title}, attempt ${event.attempt_id}; happened ${event.timestamp_approximate ? "about " : ""}${
    explainer.when(fromInstant(event.occurred_at))
  }, found ${explainer.when(fromInstant(event.detected_at))} by poll ${event.poll_id}`;
}

export function pauseLine(pause: Pause, explainer: Explainer): string {
  const end = pause.until === null ? "until somebody resumes it" : `until ${explainer.when(pause.until)}`;
  return `Paused: ${pauseWords(pause)}, since ${explainer.when(pause.since)}, ${end}: ${pause.reason}`;
}

/** A mentor's account, and what would give them one. */
export function accountLine(person: ExplainedPersonRow, explainer: Explainer): string {
  const { account_status: status, account_id: id, checked_at: checked } = person;
  const { says, change } = accountReason(person);
  if (status === null) return `Zulip account: ${says}. ${change}`;
  const when = checked === null ? "" : `, looked for at ${explainer.when(fromInstant(checked))}`;
  return `Zulip account: ${id ?? "none"} (${status}: ${says})${when}${change === null ? "" : `. ${change}`}`;
}

/** Why a mentor has this account, or none; `change`: what would give them one of their own, `null` where they have it. */
function accountReason({ account_status: status, account_id: id }: ExplainedPersonRow) {
  if (status === null) return { says: "not looked for yet", change: "`lmsmon map-users` looks for it" };
  if (!isMatchStatus(status)) return { says: status, change: null };
  const { says, change } = REASONS.account[status];
  return { says, change: id !== null && status !== "duplicate" ? null : change };
}

export function mentorJson(mentor: ExplainedPersonRow) {
  const { says, change } = accountReason(mentor);
  return {
    mentor_id: BigInt(mentor.id),
    account_status: mentor.account_status,
    account_reason: says,
    what_would_change_it: change,
    zulip_user_id: id(mentor.account_id),
    account_checked_at: jsonTime(mentor.checked_at),
    timezone: mentor.account_timezone,
  };
}

const id = (text: string | null) => text === null ? null : BigInt(text);

export function eventJson(event: ExplainedEventRow) {
  return {
    event_id: id(event.event_id),
    event_type: event.event_type,
    kind: event.kind,
    stage: event.stage,
    student_id: id(event.student_id),
    activity_id: id(event.activity_id),
    activity_title: event.activity_title,
    attempt_id: id(event.attempt_id),
    attempt_no: event.attempt_no,
    incarnation: event.incarnation,
    revision: event.revision,
    change: event.change,
    origin: event.origin,
    occurred_at: jsonTime(event.occurred_at),
    occurred_at_approximate: event.timestamp_approximate,
    detected_at: jsonTime(event.detected_at),
    poll_id: id(event.poll_id),
    mentor_ids: (event.mentor_ids ?? []).map(BigInt),
    suppressed_reason: event.suppressed_reason,
    metadata: event.metadata,
  };
}

export function revisionJson(row: RevisionRow) {
  return {
    event_id: id(row.event_id),
    event_type: row.event_type,
    stage: row.stage,
    incarnation: row.incarnation,
    revision: row.revision,
    change: row.change,
    detected_at: jsonTime(row.detected_at),
    suppressed_reason: row.suppressed_reason,
    metadata: row.metadata,
  };
}

export function deliveryJson({ row, recipient, verdict }: ExplainedDelivery, explainer: Explainer) {
  return {
    recipient,
    status: row?.status ?? "not_told",
    rule: verdict.rule,
    reason: verdict.says,
    what_would_change_it: verdict.change === "" ? null : verdict.change,
    in_words: deliveryLines({ row, recipient, verdict }, explainer)[0],
    message_id: id(row?.zulip_message_id ?? null),
    zulip_user_id: id(row?.message_to ?? row?.zulip_user_id ?? null),
    message_state: row?.message_state ?? null,
    attempts: row?.message_attempts ?? row?.attempts ?? 0,
    error: row?.error ?? null,
    created_at: jsonTime(row?.created_at ?? null),
    composed_at: jsonTime(row?.message_created_at ?? null),
    send_began_at: jsonTime(row?.message_started_at ?? null),
    next_attempt_at: jsonTime(row?.message_next_at ?? row?.next_attempt_at ?? null),
    ended_at: jsonTime(row?.processed_at ?? null),
  };
}

export function pauseJson(pause: Pause) {
  return {
    pause_id: id(pause.pauseId),
    scope: pause.scope,
    id: id(pause.subjectId),
    since_at: jsonTime(pause.since),
    until_at: jsonTime(pause.until),
    reason: pause.reason,
  };
}
