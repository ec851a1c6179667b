import type { Config } from "../config/config.ts";
import { metadataOf } from "../detect/metadata.ts";
import { deliveryMarker } from "../model/marker.ts";
import { isRewritten, type LmsId } from "../model/event.ts";
import type { EpochMicros } from "../model/time.ts";
import type { ToldEvent } from "../model/told_event.ts";
import { compose } from "../tell/compose.ts";
import type { DueRow } from "../tell/notify_types.ts";
import { shortened } from "../tell/refs.ts";
import type { DryEvent } from "../poll/dry_run.ts";
import { decideFuse } from "../poll/record/poll_runs.ts";

/** A message that a dry run would have sent. */
export interface DryMessage {
  readonly recipient: string;
  /** When it would go out: now, or a digest time. */
  readonly at: EpochMicros;
  readonly content: string;
  readonly events: number;
}

/** What a dry run says about telling. */
export interface DryMessages {
  readonly messages: readonly DryMessage[];
  readonly withoutMentor: number;
  /** Why the fuse would hold these messages; `null` when it would not. */
  readonly held: string | null;
}

/** What the mentors would read. Which accounts they have, and what they were told before, only a real round looks up. */
export function dryMessages(
  events: readonly DryEvent[],
  mentorName: (id: LmsId) => string | null,
  config: Config,
  source: string,
  now: EpochMicros,
): DryMessages {
  const told = events.filter(({ event }) => event.tell !== null);
  const rows = shortened(
    told.flatMap((dry) => dry.mentors.map((mentor) => dueRow(dry, mentor, mentorName, source, now))),
  );
  const messages = [...Map.groupBy(rows, (row) => Math.max(row.dueAt, now))]
    .flatMap(([at, due]) => messagesAt(at, due, config)).sort((a, b) => a.at - b.at);
  return {
    messages,
    withoutMentor: told.filter(({ mentors }) => mentors.length === 0).length,
    held: fuseOf(told, rows, config),
  };
}

/** What goes out at one time, and later what is beyond `notify.max_per_mentor` then. */
function messagesAt(at: EpochMicros, due: readonly DueRow[], config: Config): DryMessage[] {
  const policy = { now: at, links: config.lms.links, notify: config.notify };
  return [...compose(due, new Map(), policy).values()].flatMap(({ messages, putOff }) => [
    ...messages.map(({ recipient, content, rows }) => ({ recipient, at, content, events: rows.length })),
    ...(putOff === null ? [] : messagesAt(
      putOff.until,
      putOff.rows.map((row) => ({ ...row, dueAt: putOff.until, planned: true })),
      config,
    )),
  ]);
}

/** As the poll itself would be weighed at its end. */
function fuseOf(told: readonly DryEvent[], rows: readonly DueRow[], { notify }: Config): string | null {
  const together = Map.groupBy(rows, (row) => `${row.planned ? row.dueAt : "now"} ${row.recipient}`);
  return decideFuse({
    messages: [...together.values()].reduce((sum, { length: n }) => sum + (n > notify.digestAbove ? 1 : n), 0),
    recipients: new Set(rows.map((row) => row.recipient)).size,
    toldEvents: told.length,
    toldRevisions: told.filter(({ event }) => isRewritten(event.detected.change)).length,
    toldReused: told.filter(({ event }) => event.detected.change === "reused").length,
  }, notify.fuse).reason;
}

function dueRow(
  { event: { detected, row, tell }, student, mentors }: DryEvent,
  mentor: LmsId,
  mentorName: (id: LmsId) => string | null,
  source: string,
  now: EpochMicros,
): DueRow {
  const recipient = `mentor:${mentor}`;
  const { kind, attemptId, incarnation, stage, revision, change } = detected;
  const { studentId, activityId } = row;
  const identity = { source, kind, attemptId, incarnation, studentId, activityId, stage, revision, recipient };
  const marker = deliveryMarker(identity);
  const told: ToldEvent = {
    eventId: "0",
    source,
    kind,
    type: detected.type,
    attemptId,
    attemptNo: null,
    revision,
    change: change === "reused" ? null : change,
    occurredAt: detected.occurredAt,
    occurredAtApproximate: detected.occurredAtApproximate,
    detectedAt: now,
    student: {
      id: row.studentId,
      name: student?.name ?? row.studentName,
      username: student?.username ?? row.studentUsername,
      nameIsShared: false,
    },
    activityId: row.activityId,
    title: row.activity?.title ?? null,
    course: row.activity?.course ?? null,
    chapter: row.activity?.chapter ?? null,
    contentType: row.contentType,
    metadata: metadataOf(row, detected),
    previousTold: null,
    alsoTold: mentors.filter((id) => id !== mentor).flatMap((id) => mentorName(id) ?? []),
    marker,
    ref: marker,
  };
  return {
    logId: "0",
    recipient,
    told,
    dueAt: tell?.dueAt ?? now,
    planned: tell?.reason === "digest",
    lmsAwayMs: 0,
    attempts: 0,
  };
}
