import { ZulipError } from "../base/errors.ts";
import type { CommandContext } from "./command_context.ts";
import { OpenParts } from "./open_parts.ts";

/** Deletes messages in Zulip, one by one; returns those that are gone. One that Zulip does not delete is named and stays. */
export async function deleteFromZulip(
  { config, log, stop }: CommandContext,
  messageIds: readonly string[],
): Promise<string[]> {
  if (messageIds.length === 0) return [];
  await using parts = new OpenParts(config);
  const zulip = parts.zulip();
  const deleted: string[] = [];
  for (const id of messageIds) {
    try {
      await zulip.deleteMessage(id, stop.hard);
      deleted.push(id);
    } catch (error) {
      if (!(error instanceof ZulipError)) throw error;
      log.warn("Message {id} stays in Zulip: {reason}", { id, reason: error.message });
    }
  }
  return deleted;
}
