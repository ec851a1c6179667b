import {
  beginSends,
  dissolveMessages,
  markUnknown,
  type OpenMessageRow,
  openMessages,
} from "../../sql/state/messages.ts";
import { postponeMessages } from "../../sql/state/postpone.ts";
import type { EpochMicros } from "../model/time.ts";
import { ZulipError } from "../ops/errors.ts";
import { failPoint } from "../ops/fail_point.ts";
import { messagesOfAbsent } from "./absent_rows.ts";
import type { Accounts } from "./accounts.ts";
import { type Claim, releaseClaim, takeClaim } from "./claim.ts";
import type { Channels } from "./channels.ts";
import { ClaimLost, composeChunk } from "./compose_chunk.ts";
import { type LookedUp, lookUp, targetOf } from "./look_up.ts";
import type { NotifierDeps, RoundCounts } from "./notify_types.ts";
import { POISON_LIMIT } from "./outcome.ts";
import { CHANNEL_AGAIN_MS, NOT_READABLE, putOffUnreadable } from "./put_off_unreadable.ts";
import { mentorOf } from "./resolve_recipients.ts";
import { type Mark, writeMarks } from "./result_marks.ts";
import { retrying } from "./retrying.ts";
import type { Outgoing } from "./send_chunk.ts";

export interface ChunkRequest {
  readonly holder: string;
  readonly cutoff: EpochMicros;
  /** Recipients at most. */
  readonly limit: number;
  /** Messages at most. */
  readonly sends: number;
  /** The recipients to choose from, `null`: all. */
  readonly only: readonly string[] | null;
  /** Whether some of these markers stand in Zulip, though the state does not say so: then nothing is composed. */
  readonly wereTold: (markers: readonly string[]) => boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface PreparedChunk {
  readonly claim: Claim;
  /** Marked as being sent. */
  readonly outgoing: readonly Outgoing[];
  /** Recipients that were claimed, found no room and were given back: still due. */
  readonly leftOut: ReadonlySet<string>;
  /** Recipients and messages that were composed for them, for claiming as many as fit next time. */
  readonly composed: { readonly recipients: number; readonly messages: number };
}

/** Messages under way looked at per recipient and chunk. */
const OPEN_PER_RECIPIENT = 50;
const LOOK_UP_AGAIN_MS = 5 * 60_000;

/**
 * Claims due recipients and makes ready what they get: finds out about messages in doubt, composes what is due, and marks
 * what this chunk will send as being sent. `null` when nobody is due. Throws ZulipError when Zulip was needed and is away.
 */
export async function prepareChunk(
  deps: NotifierDeps,
  accounts: Accounts,
  channels: Channels,
  request: ChunkRequest,
  counts: RoundCounts,
): Promise<PreparedChunk | null> {
  const claim = await takeClaim(deps, request.holder, request);
  if (claim === null) return null;
  try {
    const recipients = [...claim.tokens.keys()];
    const settled = await settleOpenMessages(
      deps,
      { accounts, channels },
      recipients,
      request.cutoff,
      counts,
      request.signal,
    );
    const unreadable = await putOffUnreadable(deps, channels, recipients, settled, request.signal);
    const open = settled.filter((message) => !unreadable.has(message.recipient));
    const busy = new Set(open.map((message) => message.recipient));
    const free = recipients.filter((recipient) =>
      !busy.has(recipient) && !unreadable.has(recipient) && recipient !== ADMIN
    );
    const waiting = sendable(open, deps.clock.now()).slice(0, request.sends).map((message): Outgoing => ({
      messageId: message.message_id,
      recipient: message.recipient,
      target: targetOf(message),
      content: message.content,
      attempts: message.attempts,
      doubted: message.started_ms_ago !== null,
      rows: message.rows,
    }));
    const again = await begin(deps, claim, waiting);
    const sends = request.sends - again.length;
    const composed = await composeChunk(deps, claim, accounts, free, { ...request, sends });
    counts.suppressed += composed.suppressed;
    const fresh = composed.messages.filter((message) => message.begun).map((message): Outgoing => ({
      messageId: message.messageId,
      recipient: message.recipient,
      target: targetOf({ zulip_user_id: message.userId, channel: message.channel, topic: message.topic }),
      content: message.content,
      attempts: message.attempts,
      doubted: false,
      rows: message.rows,
    }));
    failPoint("send.marked");
    const { leftOut, messages } = composed;
    return {
      claim: { ...claim, tokens: new Map([...claim.tokens].filter(([recipient]) => !leftOut.has(recipient))) },
      outgoing: [...again, ...fresh],
      leftOut,
      composed: { recipients: new Set(messages.map((message) => message.recipient)).size, messages: messages.length },
    };
  } catch (error) {
    await releaseClaim(deps, claim).catch(() => {}); // it expires; the first error says what is wrong
    if (error instanceof ClaimLost) {
      return { claim, outgoing: [], leftOut: new Set(), composed: { recipients: 0, messages: 0 } };
    }
    throw error;
  }
}

/** Marks messages as being sent; leaves out those of recipients that were taken over meanwhile. */
async function begin(deps: NotifierDeps, claim: Claim, ready: readonly Outgoing[]): Promise<Outgoing[]> {
  if (ready.length === 0) return [];
  const begun = await retrying(async () =>
    await beginSends(deps.db.sql, deps.source, ready.map((message) => message.messageId), {
      holder: claim.holder,
      recipients: [...claim.tokens.keys()],
      tokens: [...claim.tokens.values()],
    })
  );
  const ids = new Set(begun.map((row) => row.message_id));
  return ready.filter((message) => ids.has(message.messageId));
}

/** The recipient of notices to the administrator; nothing is composed for it. */
export const ADMIN = "admin";

/** Of each recipient, the messages up to the first that is in doubt or waits for its time: nothing leaves past it. */
function sendable(open: readonly OpenMessageRow[], now: EpochMicros): OpenMessageRow[] {
  return [...Map.groupBy(open, (message) => message.recipient).values()].flatMap((messages) => {
    const blocked = messages.findIndex((message) =>
      message.state !== "pending" || Number(message.next_attempt_us ?? 0) > now
    );
    return blocked < 0 ? messages : messages.slice(0, blocked);
  });
}

/** Brings the messages under way up to date and returns those that are still under way. */
async function settleOpenMessages(
  deps: NotifierDeps,
  { accounts, channels }: { readonly accounts: Accounts; readonly channels: Channels },
  recipients: readonly string[],
  cutoff: EpochMicros,
  counts: RoundCounts,
  signal?: AbortSignal,
): Promise<OpenMessageRow[]> {
  const { db, source, config, clock } = deps;
  const read = () => openMessages(db.sql, source, recipients, OPEN_PER_RECIPIENT);
  let open = await read();
  if (open.length === 0) return [];
  const now = clock.now();
  // The claim was free, so whoever was sending these has stopped: it crashed, or lost the claim while it slept.
  const stranded = open.filter((message) => message.state === "sending");
  if (stranded.length > 0) {
    const settledMs = config.zulip.requestTimeoutMs + config.zulip.settleMs;
    await retrying(async () => {
      await markUnknown(
        db.sql,
        null, // whoever held them holds them no more
        stranded.map((message) => message.message_id),
        stranded.map((message) => now + Math.ceil(Math.max(0, settledMs - (message.started_ms_ago ?? 0)) * 1000)),
        stranded.map(() => true),
        "the process that sent it ended before it knew the outcome",
      );
    });
    open = await read();
  }
  const due = open.filter((message) => message.state === "unknown" && Number(message.look_up_us) <= clock.now());
  if (due.length > 0) {
    await resolveDoubts(deps, channels, due, cutoff, counts, signal);
    open = await read();
  }
  const anew = [...await messagesToReaddress(accounts, open), ...await messagesToReconsider(deps, open)];
  if (anew.length > 0) {
    await dissolveMessages(db.sql, anew, clock.now());
    open = await read();
  }
  return open;
}

const UNSEEN =
  "it may be in the channel, where this bot cannot see it: the bot was subscribed later, or the channel is gone";

async function resolveDoubts(
  deps: NotifierDeps,
  channels: Channels,
  due: readonly OpenMessageRow[],
  cutoff: EpochMicros,
  counts: RoundCounts,
  signal?: AbortSignal,
): Promise<void> {
  const now = deps.clock.now();
  const { losses } = deps.db;
  let looked: LookedUp;
  try {
    looked = await lookUp(deps, channels, due, signal);
  } catch (error) {
    // A bot that may not read what it sent: nothing about Zulip's health, and no reason to ask again at once.
    // A rate limit ends by itself, and the circuit waits for it.
    if (error instanceof ZulipError && error.reason === "failed" && error.retryAfterMs === null) {
      const ids = due.map((message) => message.message_id);
      await postponeMessages(deps.db.sql, ids, now + LOOK_UP_AGAIN_MS * 1000, null);
    }
    throw error;
  }
  // Who answers for the state now may call other messages by these ids.
  if (deps.db.losses !== losses) return;
  const { found, hidden, lost } = looked;
  if (hidden.size > 0) await postponeMessages(deps.db.sql, [...hidden], now + CHANNEL_AGAIN_MS * 1000, NOT_READABLE);
  const marks = due.filter((message) => !hidden.has(message.message_id)).map((message): Mark => {
    const messageId = message.message_id;
    const zulipMessageId = found.get(messageId);
    if (zulipMessageId !== undefined) {
      counts.sent += message.rows;
      if (message.rows > 0) counts.messages++;
      return { mark: "sent", messageId, zulipMessageId };
    }
    if (lost.has(messageId)) {
      counts.dead += message.rows;
      return { mark: "dead", messageId, reason: "unseen", error: UNSEEN };
    }
    if (message.crashes > POISON_LIMIT) {
      counts.dead += message.rows;
      return {
        mark: "dead",
        messageId,
        reason: "poison",
        error: `not delivered in ${message.crashes} tries without an answer`,
      };
    }
    return { mark: "given_back", messageId, nextAttemptAt: cutoff, unsent: false };
  });
  failPoint("look_up.before_mark");
  await writeMarks(deps, marks, null);
}

/** Messages about to be sent for the first time that tell of an attempt which is gone from the LMS since they were composed. */
async function messagesToReconsider(deps: NotifierDeps, open: readonly OpenMessageRow[]): Promise<string[]> {
  const now = deps.clock.now();
  const untried = open.filter((message) =>
    message.state === "pending" && message.started_ms_ago === null && Number(message.next_attempt_us ?? 0) <= now
  );
  return await messagesOfAbsent(deps, untried.map((message) => message.message_id));
}

/** Refused messages whose recipient has another account by now, or none: they are taken apart and composed anew. */
async function messagesToReaddress(
  accounts: Accounts,
  open: readonly OpenMessageRow[],
): Promise<string[]> {
  const refused = open.filter((message) =>
    message.state === "pending" && message.attempts > 0 && message.started_ms_ago === null &&
    message.zulip_user_id !== null && mentorOf(message.recipient) !== null
  );
  if (refused.length === 0) return [];
  const current = await accounts.ofMentorIds(refused.flatMap((message) => mentorOf(message.recipient) ?? []));
  return refused.filter((message) => current.get(mentorOf(message.recipient) ?? "") !== message.zulip_user_id)
    .map((message) => message.message_id);
}
