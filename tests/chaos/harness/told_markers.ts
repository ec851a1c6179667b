import type { ZulipStandIn } from "../../../lib/stand_in/zulip_stand_in.ts";
import { deliveryMarker } from "../../../lib/model/marker.ts";
import type { EventRow } from "./judge_attempts.ts";

export type ReadableZulip = Pick<ZulipStandIn, "messages" | "bot">;

const SHORT = 5;

/** Read from the text: link fragments, and `ref` lines, which may hold the first signs only. */
export function markersIn(text: string): string[] {
  return [...text.matchAll(/[#?&]n=([a-z2-9]{16})\b|`ref ([a-z2-9, ]+)`/g)].flatMap(([, linked, refs]) =>
    linked === undefined ? (refs ?? "").split(/,? /) : [linked]
  );
}

/**
 * How often each marker stands in Zulip. First signs stand for the marker among `known` that begins so, where several do, for the one
 * that was found least often so far.
 */
export function markersOf(zulip: ReadableZulip, known: Iterable<string> = []): Map<string, number> {
  const beginnings = Map.groupBy(new Set(known), (marker) => marker.slice(0, SHORT));
  const counts = new Map<string, number>();
  const times = (marker: string) => counts.get(marker) ?? 0;
  for (const message of zulip.messages) {
    if (message.senderId !== zulip.bot.id) continue;
    for (const mark of markersIn(message.content)) {
      const [meant = mark] = mark.length > SHORT
        ? [mark]
        : (beginnings.get(mark) ?? []).toSorted((a, b) => times(a) - times(b));
      counts.set(meant, times(meant) + 1);
    }
  }
  return counts;
}

/** The same map by the first signs as well, where these say which marker is meant. */
export function alsoByBeginning<T>(byMarker: ReadonlyMap<string, T>): Map<string, T> {
  const beginnings = Map.groupBy(byMarker.entries(), ([marker]) => marker.slice(0, SHORT));
  return new Map([
    ...byMarker,
    ...[...beginnings].flatMap(([beginning, [first, ...others]]): [string, T][] =>
      first === undefined || others.length > 0 ? [] : [[beginning, first[1]]]
    ),
  ]);
}

/** The marker of an event for one recipient: a public contract, and all that the oracle has in common with the program. */
export function markerOf(source: string, event: EventRow, recipient: string): string {
  const { kind, attempt_id: attemptId, incarnation, student_id: studentId, activity_id: activityId } = event;
  const { stage, revision } = event;
  return deliveryMarker({ source, kind, attemptId, incarnation, studentId, activityId, stage, revision, recipient });
}
