import { deliveryMarker } from "../../model/marker.ts";
import type { EpochMicros } from "../../model/time.ts";
import { mentorRecipient } from "../../model/recipient.ts";
import type { Batch } from "./batch.ts";
import type { PreparedEvent } from "./prepare_events.ts";

/** A row of lmsmon.lms_event_logs to be. */
export interface Delivery {
  readonly eventId: string;
  /** `null`: the student has no mentor yet. */
  readonly recipient: string | null;
  readonly status: "pending" | "waiting";
  readonly reason: string | null;
  readonly marker: string | null;
  readonly dueAt: EpochMicros;
}

/** One delivery per told event (with its id) and current mentor; one without recipient where a student has no mentor yet. Pure. */
export function deliveriesOf(
  batch: Batch,
  events: readonly Pick<PreparedEvent, "event" | "mentors">[],
  ids: readonly string[],
): Delivery[] {
  const { source } = batch.stream;
  const deliveries: Delivery[] = [];
  for (const [i, { event, mentors }] of events.entries()) {
    if (event.tell === null) continue;
    const { status, reason, dueAt } = event.tell;
    const common = { eventId: ids[i] ?? "", dueAt };
    if (mentors.length === 0) {
      deliveries.push({ ...common, recipient: null, status: "waiting", reason: "no_mentor", marker: null });
    }
    const { kind, attemptId, incarnation, stage, revision } = event.detected;
    const { studentId, activityId } = event.row;
    const identity = { source, kind, attemptId, incarnation, studentId, activityId, stage, revision };
    for (const mentor of mentors) {
      const recipient = mentorRecipient(mentor);
      const marker = deliveryMarker({ ...identity, recipient });
      deliveries.push({ ...common, recipient, status, reason, marker });
    }
  }
  return deliveries;
}

/** When each recipient first has something due. */
export function dueByRecipient(deliveries: readonly Delivery[]): Map<string, EpochMicros> {
  const due = new Map<string, EpochMicros>();
  for (const { recipient, dueAt } of deliveries) {
    if (recipient !== null) due.set(recipient, Math.min(dueAt, due.get(recipient) ?? dueAt));
  }
  return due;
}
