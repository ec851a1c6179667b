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
 * How often each marker stands in Zulip. First signs stand for the marker among `known` that begins so and that these participants may
 * read, where several do, for the one that was found least often; whole markers are counted before.
 */
export function markersOf(
  zulip: ReadableZulip,
  known: Iterable<string> = [],
  mayRead: (marker: string, participants: readonly number[]) => boolean = () => true,
): Map<string, number> {
  const beginnings = Map.groupBy(new Set(known), (marker) => marker.slice(0, SHORT));
  const counts = new Map<string, number>();
  const times = (marker: string) => counts.get(marker) ?? 0;
  const found = zulip.messages.filter(({ senderId }) => senderId === zulip.bot.id).flatMap((
    { content, participants },
  ) => markersIn(content).map((mark) => ({ mark, participants })));
  for (const { mark } of found) if (mark.length > SHORT) counts.set(mark, times(mark) + 1);
  for (const { mark, participants } of found) {
    if (mark.length > SHORT) continue;
    const possible = (beginnings.get(mark) ?? []).filter((marker) => mayRead(marker, participants));
    const [meant = mark] = possible.toSorted((a, b) => times(a) - times(b));
    counts.set(meant, times(meant) + 1);
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
