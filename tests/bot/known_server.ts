import type { ZulipConnection } from "../../lib/bot/connect_zulip.ts";

/**
 * Has the client ask what server it talks to, as it would before its first send. Where its time limit is short, a slow machine answers only
 * the second or third question within it; what is sent then is the only thing that meets the limit.
 */
export async function untilServerIsKnown(zulip: ZulipConnection): Promise<void> {
  while (!await zulip.server().then(() => true, () => false));
}
