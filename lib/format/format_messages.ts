import type { FormatContext, FormattedMessage, ToldEvent } from "../model/told_event.ts";
import { formatDigest } from "./format_digest.ts";
import { formatSingle } from "./format_single.ts";
import { withNames } from "./student_names.ts";

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
  const named = events.map((event) => withNames(event, ctx.names ?? "full"));
  if (named.length > Math.max(1, digestAbove)) return formatDigest(named, ctx);
  return named.map((event, index) => ({ ...formatSingle(event, ctx), told: [index] }));
}
