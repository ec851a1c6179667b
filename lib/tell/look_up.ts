import { markersOfMessages, type MessageMarkerRow, type UnfinishedMessageRow } from "../../sql/state/messages.ts";
import { isShort, markersIn } from "../model/marker.ts";
import { MICROS_PER_SECOND } from "../model/time.ts";
import { ZulipError } from "../base/errors.ts";
import type { LookUpTarget, ReadMessage, ZulipTarget } from "../bot/zulip_api.ts";
import type { ChannelAccess, Channels } from "./channels.ts";
import type { NotifierDeps } from "./notify_types.ts";

/** Above this many conversations one scan over all of the bot's own messages is cheaper. */
const FEW_CONVERSATIONS = 5;
/** Margin in seconds: the database's clock, which says how long ago a send began, may be set in between. */
const CLOCK_MARGIN_S = 3600;

/** A channel that could not be read for so long is gone. */
const GONE_MS = 7 * 24 * 3_600_000;

/** What a look-up showed. A message that is in none of these is surely not in Zulip. */
export interface LookedUp {
  /** Zulip's ids of those that are there, by message. */
  readonly found: ReadonlyMap<string, string>;
  /** Their channel cannot be read now: when it can, they are looked up again. */
  readonly hidden: ReadonlySet<string>;
  /** Nobody can say any more: the channel is gone, or hides what was sent before the bot could read it. */
  readonly lost: ReadonlySet<string>;
}

/**
 * Finds messages whose outcome is unknown among the bot's own: by any of their rows' markers, or, for a notice to the
 * administrator, by its last line. Throws ZulipError.
 */
export async function lookUp(
  deps: NotifierDeps,
  channels: Channels,
  messages: readonly UnfinishedMessageRow[],
  signal?: AbortSignal,
): Promise<LookedUp> {
  const found = new Map<string, string>();
  const compare = comparison(messages, await markersOfMessages(deps.db.sql, messages.map((m) => m.message_id)), found);
  const sinceS = (list: readonly UnfinishedMessageRow[]) =>
    Math.floor(deps.clock.now() / MICROS_PER_SECOND - Math.max(...list.map((m) => m.started_ms_ago ?? 0)) / 1000) -
    CLOCK_MARGIN_S;
  /** Reads what the bot sent there, until all of `wanted` are found. */
  const scan = async (target: LookUpTarget | undefined, wanted: readonly UnfinishedMessageRow[]) => {
    for await (const message of deps.zulip.ownMessages(target, sinceS(wanted), signal)) {
      compare(message);
      if (wanted.every((each) => found.has(each.message_id))) break;
    }
  };
  const names = [...new Set(messages.flatMap((message) => message.channel ?? []))];
  const access: ReadonlyMap<string, ChannelAccess> = names.length === 0
    ? new Map()
    : await channels.forLookingUp(names, signal);
  const hidden = new Set<string>();
  const lost = new Set<string>();
  // Of a channel all topics together: somebody may have renamed, resolved or moved one since.
  const conversations = Map.groupBy(messages, ({ channel, zulip_user_id }) => JSON.stringify([channel, zulip_user_id]));
  const direct = messages.filter((message) => message.channel === null);
  const together = conversations.size > FEW_CONVERSATIONS && direct.length > 0;
  if (together) await scan(undefined, direct);
  for (const group of conversations.values()) {
    const [first] = group;
    if (first === undefined || (together && first.channel === null)) continue;
    const place = first.channel === null ? null : access.get(first.channel) ?? { access: "invisible" };
    const target: LookUpTarget = place === null
      ? { type: "direct", userId: first.zulip_user_id ?? "" }
      : { type: "channel", channel: place.access === "readable" ? place.id : first.channel ?? "" };
    try {
      if (place !== null && place.access !== "readable") throw new CannotSee();
      await scan(target, group);
    } catch (error) {
      // An error is never read as "not there". A channel may also have gone between the two questions.
      if (place === null || !(error instanceof CannotSee || isAboutThisChannel(error))) throw error;
      for (const { message_id, started_ms_ago } of group) {
        (started_ms_ago !== null && started_ms_ago > GONE_MS ? lost : hidden).add(message_id);
      }
      channels.noteUnreadable(first.channel ?? "");
      continue;
    }
    if (place?.access !== "readable" || place.unbrokenMs === null) continue;
    for (const { message_id, started_ms_ago } of group) {
      if (!found.has(message_id) && place.unbrokenMs < (started_ms_ago ?? Infinity)) lost.add(message_id);
    }
  }
  return { found, hidden, lost };
}

/** Compares a message that the bot sent with those that are looked for; a match goes into `found`. */
function comparison(
  messages: readonly UnfinishedMessageRow[],
  markers: readonly MessageMarkerRow[],
  found: Map<string, string>,
): (message: ReadMessage) => void {
  const messageOf = new Map(markers.map((row) => [row.marker, row.message_id]));
  // Five signs are found with all the others of their message, or not at all.
  const short = messages.flatMap(({ message_id, content, zulip_user_id }) => {
    const marks = markersIn(content).filter(isShort);
    return marks.length === 0 ? [] : [{ message_id, marks, zulip_user_id }];
  });
  const notices = messages.filter((message) => message.rows === 0);
  return ({ content, zulipMessageId, to }) => {
    const marks = new Set(markersIn(content));
    for (const marker of marks) {
      const id = messageOf.get(marker);
      if (id !== undefined) found.set(id, zulipMessageId);
    }
    for (const { message_id, marks: own, zulip_user_id } of short) {
      const here = zulip_user_id === null ? to.length === 0 : to.includes(zulip_user_id);
      if (here && own.every((mark) => marks.has(mark))) found.set(message_id, zulipMessageId);
    }
    for (const notice of notices) {
      if (content.includes(lastLine(notice.content))) found.set(notice.message_id, zulipMessageId);
    }
  };
}

class CannotSee extends Error {}

function isAboutThisChannel(error: unknown): boolean {
  return error instanceof ZulipError && error.reason === "failed" && error.retryAfterMs === null;
}

export function targetOf(message: Pick<UnfinishedMessageRow, "zulip_user_id" | "channel" | "topic">): ZulipTarget {
  return message.channel !== null
    ? { type: "channel", channel: message.channel, topic: message.topic ?? "" }
    : { type: "direct", userId: message.zulip_user_id ?? "" };
}

function lastLine(content: string): string {
  return content.trimEnd().split("\n").at(-1) ?? content;
}
