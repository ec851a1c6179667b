import { addRows } from "../../sql/state/outbox.ts";
import { untoldEvents } from "../../sql/state/reconcile.ts";
import type { Fallback } from "../config/config.ts";
import { storedMarker } from "../model/marker.ts";
import { channelRecipient } from "../model/recipient.ts";
import type { SeenDeps } from "./seen_messages.ts";

const PAGE = 5000;

/**
 * A delivery to the fallback channel is made when its message is composed, so a state that lost one finds the event again and not
 * the delivery. Makes those that `markers`, seen in the channel, prove to have been sent; returns how many.
 */
export async function adoptChannelRows(
  { db, clock }: SeenDeps,
  source: string,
  fallback: NonNullable<Fallback>,
  markers: ReadonlySet<string>,
): Promise<number> {
  const recipient = channelRecipient(fallback);
  let adopted = 0;
  for (let after = "0", found = PAGE; found === PAGE;) {
    const events = await untoldEvents(db.sql, source, after, PAGE);
    found = events.length;
    after = events.at(-1)?.event_id ?? after;
    const told = events.map((row) => ({ row, marker: storedMarker(source, row, recipient) }))
      .filter(({ marker }) => markers.has(marker));
    if (told.length === 0) continue;
    adopted += told.length;
    await addRows(
      db.sql,
      source,
      told.map(({ row, marker }) => ({ eventId: row.event_id, pollId: row.poll_id, recipient, marker })),
      clock.now(),
    );
  }
  return adopted;
}
