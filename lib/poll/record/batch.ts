import type { TellPlan } from "../../tell/plan.ts";
import type { AttemptRow, RowState } from "../../model/attempt.ts";
import type { DetectedEvent, EventSuppression, LmsId, Origin } from "../../model/event.ts";
import type { Kind } from "../../model/event_types.ts";
import type { MentorLinks, Person } from "../../model/person.ts";
import type { EpochMicros } from "../../model/time.ts";

/** A stream of the state database: one (source, kind). */
export interface Stream {
  readonly streamId: number;
  readonly source: string;
  readonly kind: Kind;
  readonly recipe: number;
  readonly firstContactDone: boolean;
  readonly highestRowKey: LmsId | null;
  readonly lastFullPassAt: EpochMicros | null;
  /** Full passes that ended so far; one that was skipped because nothing had been committed counts. */
  readonly fullPasses: number;
  /** Ids per bucket, see lib/model/key_space.ts. */
  readonly bucketSize: bigint;
}

export interface BatchEvent {
  readonly detected: DetectedEvent;
  readonly row: AttemptRow;
  readonly origin: Origin;
  readonly suppressed: EventSuppression | null;
  /** `null` exactly when suppressed. */
  readonly tell: TellPlan | null;
}

/** One row whose stored state changes. */
export interface RowChange {
  readonly before: RowState | null;
  /** `lastEventId` is ignored when `event` is set: the store fills in the new event's id. */
  readonly after: RowState;
  readonly event: BatchEvent | null;
  /** Reason when the row is to be quarantined; `null` also lifts an earlier quarantine. */
  readonly quarantine: string | null;
}

/** What one transaction writes: row states, buckets, events, people, deliveries. At most some thousand rows. */
export interface Batch {
  readonly stream: Stream;
  readonly pollId: string;
  readonly detectedAt: EpochMicros;
  readonly mentorGraceUntil: EpochMicros;
  readonly changes: readonly RowChange[];
  /** Students and mentors that the events refer to, as just read from the LMS. */
  readonly people: readonly Person[];
  readonly links: MentorLinks;
  /** The erasures that it knows of, by their mark; not given: nobody was ever erased. */
  readonly erasures?: string;
  /** Students that the caller has at hand, perhaps also others; those neither here nor in `people` are looked up in the state. */
  readonly students?: ReadonlyMap<LmsId, Person>;
  /** The same of mentors. */
  readonly mentors?: ReadonlyMap<LmsId, Person>;
}
