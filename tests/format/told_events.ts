import type { EventMetadata } from "../../lib/model/event.ts";
import type { EventType } from "../../lib/model/event_types.ts";
import { fromInstant } from "../../lib/model/time.ts";
import type { FormatContext, ToldEvent } from "../../lib/model/told_event.ts";
import { deliveryMarker, shortMarker } from "../../lib/model/marker.ts";
import { sampleEvent } from "../../lib/format/sample_event.ts";

export const at = (iso: string) => fromInstant(Temporal.Instant.from(iso));

/** 20 November 2026, 14:00 in India. */
export const NOW = at("2026-11-20T08:30:00Z");

export const CONTEXT: FormatContext = {
  now: NOW,
  timezone: "Asia/Kolkata",
  links: {
    exam_attempt: "https://inst.example/a/{attempt_id}",
    content: "https://inst.example/c/{content_id}?u={student_id}",
  },
  delayedMs: null,
};

export const NO_LINKS: FormatContext = { ...CONTEXT, links: {} };

type Changes = Partial<Omit<ToldEvent, "metadata" | "student">> & {
  readonly metadata?: Partial<EventMetadata>;
  readonly student?: Partial<ToldEvent["student"]>;
};

/** A sample of the type, finished at 13:02 in India unless said otherwise. */
export function told(type: EventType, changes: Changes = {}): ToldEvent {
  const sample = sampleEvent(type, at("2026-11-20T07:35:00Z"));
  const event = {
    ...sample,
    ...changes,
    metadata: { ...sample.metadata, ...changes.metadata },
    student: { ...sample.student, ...changes.student },
  };
  const marker = deliveryMarker({
    source: event.source,
    kind: event.kind,
    attemptId: event.attemptId,
    incarnation: 1,
    studentId: event.student.id,
    activityId: event.activityId,
    stage: type.endsWith("_started") ? "started" : "finished",
    revision: event.revision,
    recipient: "mentor:3",
  });
  return { ...event, marker: changes.marker ?? marker, ref: changes.ref ?? shortMarker(changes.marker ?? marker) };
}

/** One of a class: student, attempt and marker all of its own. */
export function classmate(n: number, type: EventType, changes: Changes = {}): ToldEvent {
  return told(type, {
    attemptId: String(70_000 + n),
    eventId: String(n),
    ...changes,
    student: { id: String(8000 + n), name: `Student ${n}`, username: `student${n}`, ...changes.student },
  });
}
