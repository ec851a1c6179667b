import { markersOfMessages, type OpenMessageRow } from "../../sql/state/messages.ts";
import { markersIn } from "../model/marker.ts";
import { MICROS_PER_SECOND } from "../model/time.ts";
import type { ZulipTarget } from "../zulip/zulip_api.ts";
import type { NotifierDeps } from "./notify_types.ts";

/** Above this many conversations one scan over all of the bot's own messages is cheaper. */
const FEW_CONVERSATIONS = 5;
/** The database's clock, which says how long ago a send began, may be set in between. Seconds. */
const CLOCK_MARGIN_S = 3600;

/**
 * Finds messages whose outcome is unknown among the bot's own: by any of their rows' markers, or, for a notice to the
 * administrator, by its last line. Returns Zulip's ids of those that are there. Throws ZulipError.
 */
export async function lookUp(
  deps: NotifierDeps,
  messages: readonly OpenMessageRow[],
  signal?: AbortSignal,
): Promise<Map<string, string>> {
  const wanted = new Map<string, string>(); // marker or last line -> message id
  for (const row of await markersOfMessages(deps.db.sql, messages.map((m) => m.message_id))) {
    wanted.set(row.marker, row.message_id);
  }
  const plain = messages.filter((message) => message.rows === 0);
  const found = new Map<string, string>();
  const take = (content: string, zulipMessageId: string) => {
    for (const marker of markersIn(content)) {
      const id = wanted.get(marker);
      if (id !== undefined) found.set(id, zulipMessageId);
    }
    for (const message of plain) {
      if (content.includes(lastLine(message.content))) found.set(message.message_id, zulipMessageId);
    }
  };
  const sinceS = (list: readonly OpenMessageRow[]) =>
    Math.floor(deps.clock.now() / MICROS_PER_SECOND - Math.max(...list.map((m) => m.started_ms_ago ?? 0)) / 1000) -
    CLOCK_MARGIN_S;
  const conversations = Map.groupBy(messages, (message) => JSON.stringify(targetOf(message)));
  const direct = messages.filter((message) => message.channel === null);
  const together = conversations.size > FEW_CONVERSATIONS && direct.length > 0;
  if (together) {
    const left = new Set(direct.map((message) => message.message_id));
    for await (const message of deps.zulip.ownMessages(undefined, sinceS(direct), signal)) {
      take(message.content, message.zulipMessageId);
      for (const id of found.keys()) left.delete(id);
      if (left.size === 0) break;
    }
  }
  for (const group of conversations.values()) {
    const [first] = group;
    if (first === undefined || (together && first.channel === null)) continue;
    for await (const message of deps.zulip.ownMessages(targetOf(first), sinceS(group), signal)) {
      take(message.content, message.zulipMessageId);
      if (group.every((each) => found.has(each.message_id))) break;
    }
  }
  return found;
}

export function targetOf(message: Pick<OpenMessageRow, "zulip_user_id" | "channel" | "topic">): ZulipTarget {
  return message.channel !== null
    ? { type: "channel", channel: message.channel, topic: message.topic ?? "" }
    : { type: "direct", userId: message.zulip_user_id ?? "" };
}

function lastLine(content: string): string {
  return content.trimEnd().split("\n").at(-1) ?? content;
}
