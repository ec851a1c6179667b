import { createHash } from "node:crypto";
import type { LmsId } from "./event.ts";
import type { Kind, Stage } from "./event_types.ts";

/** What makes an (event, recipient) itself, in every state database that ever sees it. */
export interface DeliveryIdentity {
  readonly source: string;
  readonly kind: Kind;
  readonly attemptId: LmsId;
  /** Which attempt under this row id, from 1. */
  readonly incarnation: number;
  readonly studentId: LmsId | null;
  readonly activityId: LmsId | null;
  readonly stage: Stage;
  readonly revision: number;
  /** `mentor:<lms id>` or `channel:<name>/<topic>`. */
  readonly recipient: string;
}

const ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"; // 32 signs, without l, o, 0 and 1

/**
 * 16 characters (80 bits) of a sha-256 over the identity. Deterministic, so a state restored from a backup finds in Zulip
 * what it already sent. The recipe is a public contract: changing it makes lmsmon tell everything again. That is why student
 * and activity count only from the second attempt under a row id on: markers of the first are older than they are.
 */
export function deliveryMarker(identity: DeliveryIdentity): string {
  return markerOf(signedParts(identity));
}

/** What makes a mentor's weekly message itself; whom it names does not. */
export interface LetterIdentity {
  readonly source: string;
  /** ISO date on which it was due. */
  readonly day: string;
  readonly recipient: string;
}

/** The same of a mentor's weekly message. */
export function letterMarker({ source, day, recipient }: LetterIdentity): string {
  return markerOf(["lmsmon-weekly-1", source, day, recipient]);
}

function markerOf(parts: readonly (string | number | null)[]): string {
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest();
  let bits = 0n;
  for (const byte of digest.subarray(0, 10)) bits = (bits << 8n) | BigInt(byte);
  let marker = "";
  for (let i = 0; i < 16; i++) {
    marker = ALPHABET.charAt(Number(bits & 31n)) + marker;
    bits >>= 5n;
  }
  return marker;
}

/** An event as the state keeps it. */
export interface StoredIdentity {
  readonly kind: Kind;
  readonly attempt_id: LmsId;
  readonly incarnation: number;
  readonly student_id: LmsId | null;
  readonly activity_id: LmsId | null;
  readonly stage: Stage;
  readonly revision: number;
}

/** The marker of a stored event of `source` for one recipient. */
export function storedMarker(source: string, event: StoredIdentity, recipient: string): string {
  const { kind, incarnation, stage, revision } = event;
  const [attemptId, studentId, activityId] = [event.attempt_id, event.student_id, event.activity_id];
  return deliveryMarker({ source, kind, attemptId, incarnation, studentId, activityId, stage, revision, recipient });
}

function signedParts(identity: DeliveryIdentity): readonly (string | number | null)[] {
  const { source, kind, attemptId, incarnation, studentId, activityId, stage, revision, recipient } = identity;
  if (incarnation === 1) return ["lmsmon-1", source, kind, attemptId, stage, revision, recipient];
  return ["lmsmon-2", source, kind, attemptId, incarnation, studentId, activityId, stage, revision, recipient];
}

/** Signs of a marker in a `ref` line: six of them fit one line of a phone. */
const SHORT = 5;

/** How a marker begins; see {@link refsOf}. */
export const shortMarker = (marker: string) => marker.slice(0, SHORT);

/**
 * What stands for each of one recipient's markers in a `ref` line: its first five signs, or all of it where another delivery to the
 * recipient begins the same (`taken`, besides those that are given).
 */
export function refsOf(markers: readonly string[], taken: ReadonlySet<string> = new Set()): string[] {
  const counts = new Map<string, number>();
  for (const marker of markers) counts.set(shortMarker(marker), (counts.get(shortMarker(marker)) ?? 0) + 1);
  return markers.map((marker) =>
    taken.has(marker) || counts.get(shortMarker(marker)) !== 1 ? marker : shortMarker(marker)
  );
}

// A link's fragment, `#n=…` or `#/attempts/7?n=…`, or the code span `ref a b c` (with commas until 0.1.1). Text of the LMS can hold
// neither: "#" and "`" are escaped there, so no title can pretend to be a message that was never sent.
const MARKED = /#(?:[^\s#()<>]*[?&])?n=([a-km-np-z2-9]{16})(?![a-z0-9])|`ref ([a-km-np-z2-9, ]+)`/g;

/** Finds every marker in a message's raw Markdown: whole ones, and in its `ref` line also their first five signs. */
export function markersIn(content: string): string[] {
  return [...content.matchAll(MARKED)].flatMap(([, linked, refs]) =>
    linked === undefined
      ? (refs ?? "").split(/,? /).filter((ref) => ref.length === 16 || ref.length === SHORT)
      : [linked]
  );
}

/** Whether {@link markersIn} found only the beginning of a marker. */
export const isShort = (mark: string) => mark.length === SHORT;
