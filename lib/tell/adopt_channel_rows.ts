import { addRows } from "../../sql/state/outbox.ts";
import { type UntoldEventRow, untoldEvents } from "../../sql/state/reconcile.ts";
import type { Fallback } from "../config/config.ts";
import { shortMarker, storedMarker } from "../model/marker.ts";
import { channelRecipient } from "../model/recipient.ts";
import type { SeenDeps } from "./seen_messages.ts";

const PAGE = 5000;

/**
 * A delivery to the fallback channel is made when its message is composed, so a state set back to before then has the event
 * and not the delivery. Makes the deliveries that `markers` seen in the channel prove to have been sent; returns how many.
 */
export async function adoptChannelRows(
  { db, clock }: SeenDeps,
  source: string,
  fallback: NonNullable<Fallback>,
  markers: ReadonlySet<string>,
): Promise<number> {
  const recipient = channelRecipient(fallback);
  const told: { readonly row: UntoldEventRow; readonly marker: string }[] = [];
  for (let after = "0", found = PAGE; found === PAGE;) {
    const events = await untoldEvents(db.sql, source, after, PAGE);
    found = events.length;
    after = events.at(-1)?.event_id ?? after;
    told.push(
      ...events.map((row) => ({ row, marker: storedMarker(source, row, recipient) }))
        .filter(({ marker }) => markers.has(marker) || markers.has(shortMarker(marker))),
    );
  }
  // Five signs that fit two events prove neither.
  const fits = Map.groupBy(told, ({ marker }) => markers.has(marker) ? marker : shortMarker(marker));
  const proven = [...fits.values()].flatMap((rows) => rows.length === 1 ? rows : []);
  if (proven.length > 0) {
    await addRows(
      db.sql,
      source,
      proven.map(({ row, marker }) => ({ eventId: row.event_id, pollId: row.poll_id, recipient, marker })),
      clock.now(),
    );
  }
  return proven.length;
}
