import type { Config } from "../config/config.ts";
import type { LmsSource } from "../source/lms_source.ts";
import type { AttemptRow, BadRow, RowState } from "../model/attempt.ts";
import type { LmsId } from "../model/event.ts";
import type { EventType } from "../model/event_types.ts";
import type { EpochMicros } from "../model/time.ts";
import type { Clock } from "../base/clock.ts";
import type { Batch, Stream } from "./record/batch.ts";
import type { LogPosition } from "./record/log_positions.ts";
import type { OddKey } from "./record/quarantine.ts";
import type { ErasedPeople } from "../privacy/erased_people.ts";
import type { PassProgress } from "./pass_progress.ts";
import type { PeopleCache } from "./people_cache.ts";
import type { PollTally } from "./tally.ts";
import type { BucketSum, KeyHash } from "../model/bucket.ts";

/** What a pass reads of the state database. */
export interface KnownRows {
  statesByKeys(stream: Stream, ids: readonly LmsId[]): Promise<ReadonlyMap<LmsId, RowState>>;
  openKeys(stream: Stream, after: LmsId | null, limit: number): Promise<LmsId[]>;
  bucketSums(stream: Stream, fromBucket: bigint, toBucket: bigint): Promise<BucketSum[]>;
  keyHashes(stream: Stream, buckets: readonly bigint[]): Promise<KeyHash[]>;
  /** Up to `limit` ids of rows in quarantine, above `after`, ascending. */
  quarantinedKeys(stream: Stream, after: LmsId | null, limit: number): Promise<LmsId[]>;
  /** True when the stream has no row at all: a first pass need not ask for known rows. */
  isEmpty(stream: Stream): Promise<boolean>;
  /** How far the LMS's log was read. */
  logPosition(stream: Stream): Promise<LogPosition>;
}

/** Takes what a poll found: the store in one transaction, or a dry run's list. */
export interface BatchSink {
  record(batch: Batch): Promise<void>;
  /** Rows whose key no id can be: they have no state, only a place in quarantine. */
  quarantineKeys(stream: Stream, odd: readonly OddKey[]): Promise<void>;
  /** The LMS's log was read so far. */
  noteLog(stream: Stream, position: LogPosition): Promise<void>;
}

export type PollSettings = Pick<Config, "notify" | "students"> & { readonly eventTypes: ReadonlySet<EventType> };

/** One poll in progress. */
export interface PollContext {
  readonly lms: LmsSource;
  readonly known: KnownRows;
  readonly sink: BatchSink;
  readonly clock: Clock;
  readonly settings: PollSettings;
  readonly pollId: string;
  /** This process's wall clock: due times are compared with the same one when the events are told. */
  readonly now: () => EpochMicros;
  readonly people: PeopleCache;
  /** Whose attempts are tracked and told to nobody. */
  readonly erased: ErasedPeople;
  readonly tally: PollTally;
  readonly notifyHistory: boolean;
  /** When this poll ends, one more full pass over every stream has ended. */
  readonly endsPass: boolean;
  /** Aborts between pages: a stop, or a lost lease. */
  readonly signal: AbortSignal;
  /** Hears how far a pass over all rows is. */
  readonly progress?: Pick<PassProgress, "at"> | null;
}

/** Rows of one page with what is known of them. */
export interface Page {
  readonly rows: readonly AttemptRow[];
  readonly bad: readonly BadRow[];
  readonly before: ReadonlyMap<LmsId, RowState>;
  /** Ids of the page that are in quarantine: one that can be read again leaves it, also when nothing else changed. */
  readonly quarantined?: ReadonlySet<LmsId>;
}
