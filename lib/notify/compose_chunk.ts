import { insertMessages, messagesInWindow, type NewMessage, reserveMessageIds } from "../../sql/state/messages.ts";
import { addRows, attachRows, putOffRows, suppressRows } from "../../sql/state/outbox.ts";
import { lockHeldRecipients, preferIndexes, releaseRecipients, wakeRecipients } from "../../sql/state/recipients.ts";
import type { Fallback } from "../config/config.ts";
import { deliveryMarker } from "../model/marker.ts";
import type { EpochMicros } from "../model/time.ts";
import { failPoint } from "../ops/fail_point.ts";
import type { Accounts } from "./accounts.ts";
import type { Claim } from "./claim.ts";
import { compose } from "./compose.ts";
import { loadDue, type LoadedDue, type LoadedRow } from "./load_due.ts";
import type { AccountsById, Composed, Composition, DueRow, NotifierDeps, Recent } from "./notify_types.ts";
import { channelRecipient, mentorOf, type Resolution, resolveRecipients } from "./resolve_recipients.ts";
import { retrying } from "./retrying.ts";

export interface ComposedChunk {
  /** In the order to send; their rows are attached. */
  readonly messages: readonly (NewMessage & { readonly rows: number })[];
  readonly suppressed: number;
  /** Recipients given back because the others filled the chunk; they are still due. */
  readonly leftOut: ReadonlySet<string>;
}

export interface ComposeRequest {
  /** How many messages may begin to be sent at once; the others wait for the next chunk. */
  readonly sends: number;
  readonly cutoff: EpochMicros;
  readonly wereTold: (markers: readonly string[]) => boolean;
  readonly signal?: AbortSignal | undefined;
}

const NOTHING: ComposedChunk = { messages: [], suppressed: 0, leftOut: new Set() };

/**
 * Composes everything that the given claimed recipients may be told now, in one transaction: decisions about who is told,
 * messages with their content fixed, and the rows attached to them.
 */
export async function composeChunk(
  deps: NotifierDeps,
  claim: Claim,
  accounts: Accounts,
  recipients: readonly string[],
  { sends, cutoff, wereTold, signal }: ComposeRequest,
): Promise<ComposedChunk> {
  if (recipients.length === 0) return NOTHING;
  return await retrying(async () => {
    const { losses } = deps.db;
    const due = await loadDue(deps, recipients, cutoff);
    if (due.rows.length === 0 || wereTold(due.rows.map((row) => row.told.marker))) return NOTHING;
    const now = deps.clock.now();
    const [{ mentors: mentorAccounts, selves }, recent, ids] = await Promise.all([
      accounts.of(due, signal),
      recentMessages(deps, due.rows, now),
      reserveMessageIds(deps.db.sql, due.rows.length), // no message without a row
    ]);
    const known: Known = { due, mentorAccounts, selves, recent, now };
    let decided = decide(deps, due.rows, known);
    const beyond = beyondTheChunk(decided.compositions, sends);
    const leftOut = new Set([...due.leftOut, ...beyond]);
    // Decided anew, since who is told may depend on who else is: of two mentors with one account the first.
    if (beyond.length > 0) decided = decide(deps, due.rows.filter((row) => !leftOut.has(row.recipient)), known);
    const { resolution, compositions } = decided;
    const userIds = new Map(resolution.send.map(({ row, userId }) => [row.logId, userId]));
    const composed = [...compositions.values()].flatMap((composition) => composition.messages);
    const late = [...compositions.values()].flatMap(({ putOff }) =>
      putOff === null ? [] : putOff.rows.map((row) => ({ logId: row.logId, reason: "rate", until: putOff.until }))
    );
    const messages = composed.map((message, i) => ({
      ...newMessage(message, ids[i]?.message_id ?? "", userIds, deps.config.notify.fallback),
      begun: i < sends,
    }));
    await write(deps, claim, { resolution, messages, composed, late, userIds, leftOut, sends, now, cutoff, losses });
    failPoint("compose.after_commit");
    return { messages, suppressed: resolution.suppress.length, leftOut };
  });
}

/** What decisions about due rows rest on. */
interface Known {
  readonly due: LoadedDue;
  readonly mentorAccounts: AccountsById;
  readonly selves: ReadonlySet<string>;
  readonly recent: ReadonlyMap<string, Recent>;
  readonly now: EpochMicros;
}

function decide(
  { config }: NotifierDeps,
  rows: readonly LoadedRow[],
  { due, mentorAccounts, selves, recent, now }: Known,
): { readonly resolution: Resolution<LoadedRow>; readonly compositions: ReadonlyMap<string, Composition> } {
  const resolution = resolveRecipients(rows, {
    now,
    notify: config.notify,
    recheckMs: config.users.cacheMs,
    siblings: due.siblings,
    links: due.links,
    mentorAccounts,
    selves,
  });
  const told = resolution.send.map(({ row, userId }) => dueRow(row, userId, due, mentorAccounts));
  return { resolution, compositions: compose(told, recent, { now, links: config.lms.links, notify: config.notify }) };
}

/** The recipients whose messages would make more than `sends`; never the first one. */
function beyondTheChunk(compositions: ReadonlyMap<string, Composition>, sends: number): string[] {
  let messages = 0;
  return [...compositions].flatMap(([recipient, composition], i) => {
    messages += composition.messages.length;
    return i > 0 && messages > sends ? [recipient] : [];
  });
}

interface Writing {
  readonly resolution: Resolution<LoadedRow>;
  readonly messages: readonly NewMessage[];
  readonly composed: readonly Composed[];
  readonly late: readonly { logId: string; reason: string; until: EpochMicros }[];
  readonly userIds: ReadonlyMap<string, string | null>;
  readonly leftOut: ReadonlySet<string>;
  readonly sends: number;
  readonly now: EpochMicros;
  readonly cutoff: EpochMicros;
  /** Of the state's connection when the rows were read. */
  readonly losses: number;
}

async function write(deps: NotifierDeps, claim: Claim, what: Writing): Promise<void> {
  const { resolution, messages, composed, now } = what;
  const { source } = deps;
  const added = resolution.add.map(({ row, recipient }) => ({
    eventId: row.eventId,
    pollId: row.pollId,
    recipient,
    marker: deliveryMarker({
      source,
      kind: row.told.kind,
      attemptId: row.told.attemptId,
      incarnation: row.incarnation,
      studentId: row.studentId,
      activityId: row.told.activityId,
      stage: row.stage,
      revision: row.told.revision,
      recipient,
    }),
  }));
  const putOff = [
    ...resolution.putOff.map(({ row, reason, until }) => ({ logId: row.logId, reason, until })),
    ...what.late,
  ];
  const attached = composed.flatMap((message, i) =>
    message.rows.map((row) => ({ logId: row.logId, messageId: messages[i]?.messageId ?? "", begun: i < what.sends }))
  );
  await deps.db.sql.begin(async (tx) => {
    const held = await lockHeldRecipients(tx, source, [...claim.tokens.keys()], [...claim.tokens.values()]);
    if (held.length < claim.tokens.size) throw new ClaimLost();
    const steps: Promise<unknown>[] = [preferIndexes(tx).execute()];
    if (resolution.suppress.length > 0) {
      steps.push(
        suppressRows(tx, resolution.suppress.map((x) => x.row.logId), resolution.suppress.map((x) => x.reason), now)
          .execute(),
      );
    }
    if (putOff.length > 0) {
      steps.push(
        putOffRows(tx, putOff.map((x) => x.logId), putOff.map((x) => x.reason), putOff.map((x) => x.until)).execute(),
      );
    }
    if (added.length > 0) {
      steps.push(addRows(tx, source, added, what.cutoff).execute());
      steps.push(wakeRecipients(tx, source, added.map((row) => row.recipient), what.cutoff).execute());
    }
    if (messages.length > 0) {
      steps.push(insertMessages(tx, source, messages, claim.holder, now, what.cutoff).execute());
      steps.push(
        attachRows(
          tx,
          attached.map((row) => row.logId),
          attached.map((row) => row.messageId),
          attached.map((row) => what.userIds.get(row.logId) ?? null),
          attached.map((row) => row.begun),
        ).execute().then((result) => {
          // Somebody dropped or reconciled a row meanwhile: read again, compose again.
          if (result.count !== attached.length) throw new RowsMoved();
        }),
      );
    }
    if (what.leftOut.size > 0) steps.push(releaseRecipients(tx, source, [...what.leftOut], now).execute());
    await Promise.all(steps);
    // Another server may call other rows by these ids.
    if (deps.db.losses !== what.losses) throw new ClaimLost();
    failPoint("compose.before_commit");
  });
}

/** Another process took a recipient over: nothing of the chunk is written. */
export class ClaimLost extends Error {
  constructor() {
    super("Cannot compose: the claim was taken over");
  }
}

/** Seen by `retrying` as a lost race. */
class RowsMoved extends Error {
  readonly code = "40001";
}

function newMessage(
  message: Composed,
  messageId: string,
  userIds: ReadonlyMap<string, string | null>,
  fallback: Fallback,
): Omit<NewMessage, "begun"> & { readonly rows: number } {
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
  };
}

/** The inverse of channelRecipient(); of a channel that is no longer the fallback the first slash divides. */
export function channelOf(recipient: string, fallback: Fallback): { channel: string; topic: string } | null {
  if (!recipient.startsWith("channel:")) return null;
  if (fallback !== null && recipient === channelRecipient(fallback)) return fallback;
  const [channel = "", ...topic] = recipient.slice("channel:".length).split("/");
  return { channel, topic: topic.join("/") };
}

function dueRow(row: LoadedRow, userId: string | null, due: LoadedDue, accounts: AccountsById): DueRow {
  const current = row.studentId === null ? undefined : due.links.get(row.studentId);
  const names = (due.siblings.get(row.eventId) ?? []).flatMap((other) => {
    const mentor = mentorOf(other.recipient);
    const over = other.status === "suppressed" || other.status === "dead";
    if (mentor === null || over || other.recipient === row.recipient) return [];
    const account = accounts.get(mentor) ?? null;
    // Only who really reads it: still the mentor, with an account, and not this same account.
    if (account === null || account === userId || (current !== undefined && !current.includes(mentor))) return [];
    const person = due.mentors.get(mentor);
    return person?.name ?? person?.username ?? [];
  });
  return {
    logId: row.logId,
    recipient: row.recipient,
    told: names.length === 0 ? row.told : { ...row.told, alsoTold: names },
    dueAt: row.dueAt,
    planned: row.planned,
    lmsAwayMs: row.lmsAwayMs,
    attempts: row.attempts,
  };
}

async function recentMessages(
  deps: NotifierDeps,
  rows: readonly { readonly recipient: string }[],
  now: EpochMicros,
): Promise<Map<string, Recent>> {
  const limit = deps.config.notify.maxPerMentor;
  if (limit === null || rows.length === 0) return new Map();
  const recipients = [...new Set(rows.map((row) => row.recipient))];
  const found = await messagesInWindow(deps.db.sql, deps.source, recipients, now - limit.perMs * 1000);
  return new Map(found.map((row) => [row.recipient, { messages: row.messages, oldestAt: Number(row.oldest_us) }]));
}
