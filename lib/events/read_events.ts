import type { EventFilter } from "../../sql/state/event_filter.ts";
import { type EventRow, readEventPage } from "../../sql/state/read_events.ts";
import type { EventMetadata, LmsId, Origin } from "../model/event.ts";
import { type EventType, eventTypeOf, factsOf, type Kind, type Stage } from "../model/event_types.ts";
import { type EpochMicros, fromInstant } from "../model/time.ts";
import { retryCutReads } from "../base/retry.ts";
import type { StateDb } from "../state/state_db.ts";

/** A stored event with its people as they are known now. Ids are decimal text. */
export interface EventRecord {
  readonly eventId: string;
  readonly type: EventType;
  readonly source: string;
  readonly kind: Kind;
  readonly stage: Stage;
  readonly origin: Origin;
  readonly attemptId: LmsId;
  /** Which try of the student at this activity it is, from 1; `null` when it was not counted. */
  readonly attemptNo: number | null;
  readonly revision: number;
  /** Why a revision exists: `first_result`, `verdict` or `score`; `null` for a first report. */
  readonly change: string | null;
  readonly occurredAt: EpochMicros;
  readonly occurredAtApproximate: boolean;
  readonly detectedAt: EpochMicros;
  readonly student: {
    readonly id: LmsId | null;
    readonly username: string | null;
    readonly email: string | null;
    readonly name: string | null;
    readonly zulipUserId: string | null;
    readonly batchIds: readonly LmsId[];
  };
  /** As of detection, ascending. */
  readonly mentorIds: readonly LmsId[];
  readonly activity: {
    readonly id: LmsId | null;
    readonly title: string | null;
    readonly courseId: LmsId | null;
    readonly course: string | null;
    readonly chapterId: LmsId | null;
    readonly chapter: string | null;
    readonly contentType: string | null;
  };
  readonly metadata: EventMetadata;
  /** Why nobody is told at all; `null` when somebody is, or was to be. */
  readonly suppressedReason: string | null;
  readonly processedForAi: boolean;
}

export interface ReadOptions {
  /** Only event ids above it; `null`: from the first. */
  readonly after?: string | null;
  /** Events in all; default without end. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** Events read at a time: memory stays at one page, whatever the number of events. */
const PAGE = 1000;

/**
 * The events that `filter` selects, one at a time, ascending by event id, which is the order of commits: an event recorded while
 * it runs comes at the end, and none is passed over. Each page is a statement of its own, so nothing is held open between
 * two of them. Throws the signal's reason, or the database's error.
 */
export async function* readEvents(
  db: Pick<StateDb, "sql">,
  filter: EventFilter,
  { after = null, limit = Infinity, signal }: ReadOptions = {},
): AsyncGenerator<EventRecord> {
  let cursor = after;
  let left = limit;
  while (left > 0) {
    signal?.throwIfAborted();
    const size = Math.min(PAGE, left);
    const from = cursor;
    const page = await retryCutReads(() => readEventPage(db.sql, { filter, after: from, limit: size }), signal);
    for (const row of page) yield toRecord(row);
    if (page.length < size) return;
    cursor = page.at(-1)?.event_id ?? cursor;
    left -= page.length;
  }
}

function toRecord(row: EventRow): EventRecord {
  const type = eventTypeOf(row.event_type);
  if (type === null) throw new TypeError(`Unknown event type "${row.event_type}" in the state database`);
  const { kind, stage } = factsOf(type);
  return {
    eventId: row.event_id,
    type,
    source: row.source,
    kind,
    stage,
    origin: row.origin === "backfill" ? "backfill" : "live",
    attemptId: row.attempt_id,
    attemptNo: row.attempt_no,
    revision: row.revision,
    change: row.change,
    occurredAt: fromInstant(row.timestamp),
    occurredAtApproximate: row.timestamp_approximate,
    detectedAt: fromInstant(row.created_at),
    student: {
      id: row.student_id,
      username: row.student_username,
      email: row.student_email,
      name: row.student_name,
      zulipUserId: row.student_zulip_user_id,
      batchIds: row.student_batch_ids ?? [],
    },
    mentorIds: row.mentor_ids ?? [],
    activity: {
      id: row.activity_id,
      title: row.activity_title,
      courseId: row.course_id,
      course: row.course,
      chapterId: row.chapter_id,
      chapter: row.chapter,
      contentType: row.content_type,
    },
    metadata: row.activity_metadata as EventMetadata, // written by the recorder only, always with all keys
    suppressedReason: row.suppressed_reason,
    processedForAi: row.processed_for_ai,
  };
}
