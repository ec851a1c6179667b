import { channelOf } from "../model/recipient.ts";
import { dissolveMessages, type UnfinishedMessageRow } from "../../sql/state/messages.ts";
import { postponeMessages, putOffRecipients } from "../../sql/state/postpone.ts";
import { CHANNEL_AGAIN_MS, type Channels, NOT_READABLE } from "./channels.ts";
import type { NotifierDeps } from "./notify_types.ts";

/**
 * The recipients that are private channels without this bot: what is sent there could not be looked up. All that they would get is put
 * off, visibly. `unfinished`: their messages under way. Throws ZulipError.
 */
export async function putOffUnreadable(
  deps: NotifierDeps,
  channels: Channels,
  recipients: readonly string[],
  unfinished: readonly UnfinishedMessageRow[],
  signal?: AbortSignal,
): Promise<ReadonlySet<string>> {
  const names = new Map(recipients.flatMap((recipient) => {
    const to = channelOf(recipient, deps.config.notify.fallback);
    return to === null ? [] : [[recipient, to.channel] as const];
  }));
  if (names.size === 0) return new Set();
  const access = await channels.forSending([...new Set(names.values())], signal);
  const unreadable = new Set(
    [...names].filter(([, name]) => access.get(name)?.access === "not_readable").map(([to]) => to),
  );
  if (unreadable.size === 0) return unreadable;
  const { db, source, clock } = deps;
  const until = clock.now() + CHANNEL_AGAIN_MS * 1000;
  const composed = unfinished.filter((message) => unreadable.has(message.recipient) && message.state === "pending");
  const untried = composed.filter((message) => message.started_ms_ago === null).map((message) => message.message_id);
  const tried = composed.filter((message) => message.started_ms_ago !== null).map((message) => message.message_id);
  if (untried.length > 0) await dissolveMessages(db.sql, untried, clock.now());
  if (tried.length > 0) await postponeMessages(db.sql, tried, until, NOT_READABLE);
  await putOffRecipients(db.sql, source, [...unreadable], NOT_READABLE, until);
  for (const recipient of unreadable) channels.noteUnreadable(names.get(recipient) ?? "");
  return unreadable;
}
