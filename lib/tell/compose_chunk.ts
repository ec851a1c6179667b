import { erasureMark, shareErasures } from "../../sql/state/erasures.ts";
import { insertMessages, type NewMessage, reserveMessageIds } from "../../sql/state/messages.ts";
import { noteLeftOut } from "../../sql/state/letters.ts";
import { addRows, attachRows, putOffRows, suppressRows } from "../../sql/state/outbox.ts";
import { lockHeldRecipients, preferIndexes, releaseRecipients, wakeRecipients } from "../../sql/state/recipients.ts";
import type { Fallback } from "../config/config.ts";
import { deliveryMarker } from "../model/marker.ts";
import type { EpochMicros } from "../model/time.ts";
import { channelOf } from "../model/recipient.ts";
import { failPoint } from "../base/fail_point.ts";
import type { Claim } from "./claim.ts";
import type { Decision, JudgedNaming } from "./decide.ts";
import type { LoadedRow } from "./load_due.ts";
import type { MentorPerson } from "./accounts.ts";
import type { LmsId } from "../model/event.ts";
import type { Transaction } from "../state/state_db.ts";
import { type Redirect, redirected } from "./redirect.ts";
import { targetOf } from "./look_up.ts";
import type { Composed, NotifierDeps, ToldRow } from "./notify_types.ts";
import type { Resolution } from "./resolve_recipients.ts";
import type { Outgoing } from "./send_chunk.ts";

export interface Composing {
  /** Messages that begin to be sent at once. */
  readonly room: number;
  /** When the round began: what waits for the next chunk is still due in it. */
  readonly cutoff: EpochMicros;
  /** `StateDb.losses`, taken before anything was read that the decision rests on. */
  readonly losses: number;
  /** Who gets the messages instead of their recipients; `null`: nobody does. */
  readonly redirect: Redirect | null;
  readonly mentors: ReadonlyMap<LmsId, MentorPerson>;
  /** The mark of the erasures at that moment. */
  readonly erasures: string;
}

/**
 * Writes down in one transaction what was decided: the messages with their texts, which are fixed from here on, the rows attached
 * to them, and what becomes of the other rows. The first `room` messages are marked as being sent and returned; the others wait for
 * the next chunk. Throws {@link ClaimLost}, and what `retrying` takes for a lost race.
 */
export async function composeChunk(
  deps: NotifierDeps,
  claim: Claim,
  decision: Decision,
  { room, cutoff, losses, redirect, mentors, erasures }: Composing,
): Promise<Outgoing[]> {
  if (isEmpty(decision)) return [];
  const { source, clock, config } = deps;
  const now = clock.now();
  const added = decision.add.map((one) => addedRow(source, one));
  const messages = await deps.db.sql.begin(async (tx) => {
    await shareErasures(tx);
    const [[mark], held, ids] = await Promise.all([
      erasureMark(tx).execute(),
      lockHeldRecipients(tx, source, [...claim.tokens.keys()], [...claim.tokens.values()]).execute(),
      reserveMessageIds(tx, decision.messages.length).execute(),
    ]);
    if (held.length < claim.tokens.size) throw new ClaimLost();
    // Somebody whom a text may name was erased meanwhile: read again, compose again.
    if (mark?.mark !== erasures) throw new RowsMoved();
    const messages = decision.messages.map((message, i) => ({
      ...redirectedTo(
        redirect,
        newMessage(message, ids[i]?.message_id ?? "", decision.userIds, config.notify.fallback),
        mentors,
      ),
      begun: i < room,
    }));
    await writeDown(tx, { source, claim, decision, messages, added, now, cutoff });
    // Another server may call other rows by these ids.
    if (deps.db.losses !== losses) throw new ClaimLost();
    failPoint("compose.before_commit");
    return messages;
  });
  failPoint("compose.after_commit");
  return messages.filter((message) => message.begun).map((message): Outgoing => ({
    messageId: message.messageId,
    recipient: message.recipient,
    target: targetOf({ zulip_user_id: message.userId, channel: message.channel, topic: message.topic }),
    content: message.content,
    attempts: message.attempts,
    doubted: false,
    rows: message.rows,
    detectedAt: message.detectedAt,
  }));
}

/** What was decided, as rows: sent together, so that there is one answer to wait for. */
async function writeDown(
  tx: Transaction,
  { source, claim, decision, messages, added, now, cutoff }: {
    readonly source: string;
    readonly claim: Claim;
    readonly decision: Decision;
    readonly messages: readonly NewMessage[];
    readonly added: readonly ReturnType<typeof addedRow>[];
    readonly now: EpochMicros;
    readonly cutoff: EpochMicros;
  },
): Promise<void> {
  const { suppress, putOff, leftOut, namings = [] } = decision;
  const attached = decision.messages.flatMap((message, i) =>
    message.rows.map((row) => ({
      logId: row.logId,
      messageId: messages[i]?.messageId ?? "",
      begun: messages[i]?.begun ?? false,
    }))
  );
  const steps: Promise<unknown>[] = [preferIndexes(tx).execute()];
  if (suppress.length > 0) {
    steps.push(suppressRows(tx, suppress.map((x) => x.row.logId), suppress.map((x) => x.reason), now).execute());
  }
  if (putOff.length > 0) {
    steps.push(
      putOffRows(tx, putOff.map((x) => x.logId), putOff.map((x) => x.reason), putOff.map((x) => x.until)).execute(),
    );
  }
  if (added.length > 0) {
    steps.push(addRows(tx, source, added, cutoff).execute());
    steps.push(wakeRecipients(tx, source, added.map((row) => row.recipient), cutoff).execute());
  }
  if (messages.length > 0) {
    steps.push(insertMessages(tx, source, messages, claim.holder, now, cutoff).execute());
    steps.push(
      attachRows(
        tx,
        attached.map((row) => row.logId),
        attached.map((row) => row.messageId),
        attached.map((row) => decision.userIds.get(row.logId) ?? null),
        attached.map((row) => row.begun),
      ).execute().then((result) => {
        // Somebody dropped or reconciled a row meanwhile: read again, compose again.
        if (result.count !== attached.length) throw new RowsMoved();
      }),
    );
  }
  if (namings.length > 0) steps.push(noteLeftOut(tx, columnsOf(namings)).execute());
  if (leftOut.size > 0) steps.push(releaseRecipients(tx, source, [...leftOut], now).execute());
  await Promise.all(steps);
}

function columnsOf(namings: readonly JudgedNaming[]) {
  return {
    letterIds: namings.map((x) => x.letterId),
    abouts: namings.map((x) => x.about),
    students: namings.map((x) => x.studentId),
    courses: namings.map((x) => x.courseId),
    reasons: namings.map((x) => x.leftOut),
  };
}

/** Another process took a recipient over, or another state answers: nothing of the chunk is written. */
export class ClaimLost extends Error {
  constructor() {
    super("Cannot compose: the claim was taken over, or the connection to the state was lost");
  }
}

/** Seen by `retrying` as a lost race. */
class RowsMoved extends Error {
  readonly code = "40001";
}

function isEmpty({ messages, suppress, putOff, add, leftOut }: Decision): boolean {
  return messages.length + suppress.length + putOff.length + add.length + leftOut.size === 0;
}

function addedRow(source: string, { row, recipient }: Resolution<LoadedRow>["add"][number]) {
  const { kind, attemptId, activityId, revision } = row.told;
  const { incarnation, studentId, stage } = row;
  return {
    eventId: row.eventId,
    pollId: row.pollId,
    recipient,
    marker: deliveryMarker({ source, kind, attemptId, incarnation, studentId, activityId, stage, revision, recipient }),
  };
}

/** The target stands on the message; its rows keep the accounts that they were meant for. */
function redirectedTo(
  redirect: Redirect | null,
  message: ReturnType<typeof newMessage>,
  mentors: ReadonlyMap<LmsId, MentorPerson>,
): ReturnType<typeof newMessage> {
  if (redirect === null) return message;
  const content = redirected(message.content, message.recipient, message.userId, mentors);
  return { ...message, content, userId: redirect.userId, channel: null, topic: null, redirected: true };
}

function newMessage(
  message: Composed<ToldRow>,
  messageId: string,
  userIds: ReadonlyMap<string, string | null>,
  fallback: Fallback,
): Omit<NewMessage, "begun"> & Pick<Outgoing, "rows" | "detectedAt"> {
  const [first] = message.rows;
  const to = channelOf(message.recipient, fallback);
  return {
    messageId,
    recipient: message.recipient,
    kind: message.kind,
    userId: to === null && first !== undefined ? userIds.get(first.logId) ?? null : null,
    channel: to?.channel ?? null,
    topic: to?.topic ?? null,
    content: message.content,
    attempts: Math.max(...message.rows.map((row) => row.attempts)),
    rows: message.rows.length,
    detectedAt: Math.min(...message.rows.map((row) => row.told.detectedAt)),
  };
}
