import type { FormatContext, FormattedMessage, ToldEvent } from "../model/told_event.ts";
import { formatDigest } from "./format_digest.ts";
import { formatSingle } from "./format_single.ts";

/**
 * Everything due for one recipient as messages in the order to send them. Up to `digestAbove` events one message each (in
 * the order given), more of them as a digest. Pure and deterministic; every event is told exactly once, and its marker
 * stands exactly once in the message that tells it.
 */
export function formatMessages(
  events: readonly ToldEvent[],
  ctx: FormatContext,
  digestAbove = 1,
): FormattedMessage[] {
  if (events.length > Math.max(1, digestAbove)) return formatDigest(events, ctx);
  return events.map((event, index) => ({ ...formatSingle(event, ctx), told: [index] }));
}
