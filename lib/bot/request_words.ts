import type { LookUpTarget, ZulipTarget } from "./zulip_api.ts";

/** Zulip 7.0. Older ones hide or name things differently, and are out of support. */
export const OLDEST_FEATURE_LEVEL = 185;

/** The form of POST /messages for one target, in the words this server knows. */
export function messageForm(target: ZulipTarget, content: string, featureLevel: number): Record<string, string> {
  // Else everything the bot sends lies in its own account as unread.
  const read: Record<string, string> = featureLevel >= 236 ? { read_by_sender: "true" } : {};
  return target.type === "direct"
    ? { type: featureLevel >= 174 ? "direct" : "private", to: `[${target.userId}]`, content, ...read }
    : {
      type: featureLevel >= 248 ? "channel" : "stream",
      to: JSON.stringify(target.channel),
      topic: target.topic,
      content,
      ...read,
    };
}

/** The narrow that finds the bot's own messages to one target, or all its direct messages. */
export function ownMessagesNarrow(target: LookUpTarget | undefined, botId: string, featureLevel: number): string {
  const dm = featureLevel >= 177;
  const where = target === undefined
    ? [{ operator: "is", operand: dm ? "dm" : "private" }]
    : target.type === "direct"
    ? [{ operator: dm ? "dm" : "pm-with", operand: [Number(target.userId)] }]
    : [{ operator: featureLevel >= 250 ? "channel" : "stream", operand: target.channel }];
  return JSON.stringify([...where, { operator: "sender", operand: Number(botId) }]);
}
