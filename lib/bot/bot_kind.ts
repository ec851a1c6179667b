import { ZulipError } from "../base/errors.ts";
import type { ZulipBot } from "./zulip_api.ts";

const GENERIC = 1;
const KINDS: Readonly<Record<number, string>> = {
  1: "a generic bot",
  2: "an incoming webhook bot",
  3: "an outgoing webhook bot",
  4: "an embedded bot",
};

export const USE_GENERIC_BOT =
  'Make a bot of type "Generic bot" in Zulip (Personal settings > Bots) and use its zuliprc';

/** "a generic bot", "a person", …: what an account is, for sentences. */
export function kindOf(bot: Pick<ZulipBot, "isBot" | "botType">): string {
  if (!bot.isBot) return "a person";
  if (bot.botType === null) return "a bot of unknown type";
  return KINDS[bot.botType] ?? `a bot of type ${bot.botType}`;
}

/**
 * Throws ZulipError for an account that lmsmon must not speak for. A person's own messages look like notifications, and its
 * rights and limits are not a bot's; a bot that is not generic cannot look up what it sent, so that an unknown outcome would be
 * sent twice.
 */
export function checkBotKind(bot: ZulipBot, site: string): void {
  if (bot.isBot && (bot.botType === null || bot.botType === GENERIC)) return;
  const why = bot.isBot ? "which cannot look up what it sent" : "and messages would come in that person's name";
  const what = bot.isBot ? kindOf(bot) : "a person's account";
  throw new ZulipError("refused", `Cannot use the account of user ${bot.userId} at ${site}: it is ${what}, ${why}`, {
    hint: USE_GENERIC_BOT,
  });
}
