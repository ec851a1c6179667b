import type { ZulipStandIn } from "../../../lib/stand_in/zulip_stand_in.ts";
import { deliveryMarker } from "../../../lib/model/marker.ts";
import type { EventRow } from "./judge_attempts.ts";

export type ReadableZulip = Pick<ZulipStandIn, "messages" | "bot">;

/** Read from the text: link fragments and `ref` lines. */
export function markersIn(text: string): string[] {
  return [...text.matchAll(/[#?&]n=([a-z2-9]{16})\b|`ref ([a-z2-9, ]+)`/g)].flatMap(([, linked, refs]) =>
    linked === undefined ? (refs ?? "").split(", ") : [linked]
  );
}

/** How often each marker stands in Zulip. */
export function markersOf(zulip: ReadableZulip): Map<string, number> {
  const counts = new Map<string, number>();
  for (const message of zulip.messages) {
    if (message.senderId !== zulip.bot.id) continue;
    for (const marker of markersIn(message.content)) counts.set(marker, (counts.get(marker) ?? 0) + 1);
  }
  return counts;
}

/** The marker of an event for one recipient: a public contract, and all that the oracle has in common with the program. */
export function markerOf(source: string, event: EventRow, recipient: string): string {
  const { kind, attempt_id: attemptId, incarnation, student_id: studentId, activity_id: activityId } = event;
  const { stage, revision } = event;
  return deliveryMarker({ source, kind, attemptId, incarnation, studentId, activityId, stage, revision, recipient });
}
