import {
  beginSends,
  dissolveMessages,
  markUnknown,
  type UnfinishedMessageRow,
  unfinishedMessages,
} from "../../sql/state/messages.ts";
import { postponeMessages } from "../../sql/state/postpone.ts";
import type { EpochMicros } from "../model/time.ts";
import { mentorOf } from "../model/recipient.ts";
import { ZulipError } from "../base/errors.ts";
import { failPoint } from "../base/fail_point.ts";
import { takeErasedApart } from "../privacy/erase.ts";
import { ownRecipients } from "./own_recipients.ts";
import { messagesOfAbsent } from "./absent_rows.ts";
import type { Accounts } from "./accounts.ts";
import { CHANNEL_AGAIN_MS, type Channels, NOT_READABLE } from "./channels.ts";
import type { Claim } from "./claim.ts";
import { type LookedUp, lookUp, targetOf } from "./look_up.ts";
import type { NotifierDeps, RoundCounts } from "./notify_types.ts";
import { type Mark, writeMarks } from "./outcome_recorder.ts";
import { retrying } from "./retrying.ts";
import { delayS, type Outgoing } from "./send_chunk.ts";

/** Messages under way looked at per recipient and chunk. */
const UNFINISHED_PER_RECIPIENT = 50;
/** Unclear tries (nobody recorded their end, or no answer came while other sends worked) beyond which a message is poison. */
const POISON_LIMIT = 10;
const LOOK_UP_AGAIN_MS = 5 * 60_000;

/**
 * Settles what earlier chunks left unfinished for recipients in this process's hand. Messages in doubt are looked up. Those whose
 * recipient has another account by now are taken apart, and those never tried with a row that left the LMS. Returns the messages
 * that are still under way. Throws ZulipError when Zulip was needed and is away.
 */
export async function settleUnfinished(
  deps: NotifierDeps,
  { accounts, channels }: { readonly accounts: Accounts; readonly channels: Channels },
  recipients: readonly string[],
  cutoff: EpochMicros,
  counts: RoundCounts,
  signal?: AbortSignal,
): Promise<UnfinishedMessageRow[]> {
  const { db, source, config, clock } = deps;
  const read = () => unfinishedMessages(db.sql, source, recipients, UNFINISHED_PER_RECIPIENT);
  let unfinished = await read();
  if (unfinished.length === 0) return [];
  const now = clock.now();
  // The claim was free, so whoever was sending these has stopped: it crashed, or lost the claim while it slept.
  const stranded = unfinished.filter((message) => message.state === "sending");
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
    unfinished = await read();
  }
  const due = unfinished.filter((message) => message.state === "unknown" && Number(message.look_up_us) <= clock.now());
  if (due.length > 0) {
    await resolveDoubts(deps, channels, due, cutoff, counts, signal);
    unfinished = await read();
  }
  if (unfinished.some((message) => message.erased && message.state === "pending")) {
    await takeErasedApart(db, source);
    unfinished = await read();
  }
  const anew = [
    ...await messagesToReaddress(accounts, unfinished),
    ...misdirected(unfinished, config.notify.redirectTo ?? null),
    ...await messagesToReconsider(deps, unfinished),
  ];
  if (anew.length > 0) {
    await dissolveMessages(db.sql, anew, clock.now());
    unfinished = await read();
  }
  return unfinished;
}

/**
 * Messages under way that may leave now: for each recipient, those before the first that is in doubt or waits for its time, since
 * nothing leaves past it.
 */
export function readyAgain(unfinished: readonly UnfinishedMessageRow[], now: EpochMicros): Outgoing[] {
  return [...Map.groupBy(unfinished, (message) => message.recipient).values()].flatMap((messages) => {
    const blocked = messages.findIndex((message) =>
      message.state !== "pending" || Number(message.next_attempt_us ?? 0) > now
    );
    return blocked < 0 ? messages : messages.slice(0, blocked);
  }).map((message) => ({
    messageId: message.message_id,
    recipient: message.recipient,
    target: targetOf(message),
    content: message.content,
    attempts: message.attempts,
    doubted: message.started_ms_ago !== null,
    rows: message.rows,
    detectedAt: message.detected_us === null ? null : Number(message.detected_us),
  }));
}

/** Marks messages as being sent; returns those whose recipient was not taken over meanwhile. */
export async function markBegun(deps: NotifierDeps, claim: Claim, ready: readonly Outgoing[]): Promise<Outgoing[]> {
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

const UNSEEN =
  "it may be in the channel, where this bot cannot see it: the bot was subscribed later, or the channel is gone";

async function resolveDoubts(
  deps: NotifierDeps,
  channels: Channels,
  due: readonly UnfinishedMessageRow[],
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
  const nameOf = await ownRecipients(deps.db.sql, due.map(({ recipient }) => recipient));
  const marks = due.filter((message) => !hidden.has(message.message_id)).map((message): Mark => {
    const messageId = message.message_id;
    const zulipMessageId = found.get(messageId);
    if (zulipMessageId !== undefined) {
      counts.sent += message.rows;
      if (message.rows > 0) counts.messages++;
      deps.metrics?.ended.inc({ status: "sent" }, message.rows);
      deps.log.info("Found message {zulipMessageId} to {recipient} in Zulip: it had arrived", {
        zulipMessageId,
        recipient: nameOf(message.recipient),
        events: message.rows,
        delayS: delayS(message.detected_us === null ? null : Number(message.detected_us), now),
      });
      return { mark: "sent", messageId, zulipMessageId };
    }
    if (lost.has(messageId)) {
      counts.dead += message.rows;
      return { mark: "dead", messageId, reason: "unseen", error: UNSEEN };
    }
    if (message.unclear_tries > POISON_LIMIT) {
      counts.dead += message.rows;
      return {
        mark: "dead",
        messageId,
        reason: "poison",
        error: `not delivered in ${message.unclear_tries} tries without an answer`,
      };
    }
    return { mark: "given_back", messageId, nextAttemptAt: cutoff, unsent: false };
  });
  failPoint("look_up.before_mark");
  await writeMarks(deps, marks, null);
}

/** Messages about to be sent for the first time that tell of an attempt which is gone from the LMS since they were composed. */
async function messagesToReconsider(
  deps: NotifierDeps,
  unfinished: readonly UnfinishedMessageRow[],
): Promise<string[]> {
  const now = deps.clock.now();
  const untried = unfinished.filter((message) =>
    message.state === "pending" && message.started_ms_ago === null && Number(message.next_attempt_us ?? 0) <= now
  );
  return await messagesOfAbsent(deps, untried.map((message) => message.message_id));
}

/** What never left, and was composed before a trial (notify.redirect_to) began or ended: it goes to others now. */
function misdirected(unfinished: readonly UnfinishedMessageRow[], redirectTo: string | null): string[] {
  return unfinished.filter((message) =>
    message.state === "pending" && message.started_ms_ago === null && message.kind !== "admin" &&
    message.redirected !== (redirectTo !== null)
  ).map((message) => message.message_id);
}

/** Refused messages whose recipient has another account by now, or none: they are taken apart and composed anew. */
async function messagesToReaddress(
  accounts: Accounts,
  unfinished: readonly UnfinishedMessageRow[],
): Promise<string[]> {
  const refused = unfinished.filter((message) =>
    message.state === "pending" && message.attempts > 0 && message.started_ms_ago === null &&
    !message.redirected && message.zulip_user_id !== null && mentorOf(message.recipient) !== null
  );
  if (refused.length === 0) return [];
  const current = await accounts.ofMentorIds(refused.flatMap((message) => mentorOf(message.recipient) ?? []));
  return refused.filter((message) => current.get(mentorOf(message.recipient) ?? "") !== message.zulip_user_id)
    .map((message) => message.message_id);
}
