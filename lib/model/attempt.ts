import type { LmsId, Reported } from "./event.ts";
import type { Kind, Stage, Verdict } from "./event_types.ts";
import type { EpochMicros } from "./time.ts";

/**
 * How far a row has come, in lmsmon's words. The preset's literal map makes it of the LMS's words; `unknown` is a word the
 * preset does not know: the row is quarantined and looked at again, never taken as finished.
 */
export type Progress = "not_started" | "running" | "finished" | "unknown";

/** One attempt row of the LMS (exam or content), in canonical names. Plain data; `null` = the LMS does not say. */
export interface AttemptRow {
  readonly kind: Kind;
  readonly id: LmsId;
  /**
   * Signed 64-bit hash of what can change an event, decimal text, computed in the LMS database; `null` for what is known from a
   * log alone.
   */
  readonly hash: string | null;
  readonly progress: Progress;
  /** Nothing more will come of it, though it is not finished: it is not read by id. */
  readonly settled?: boolean;
  readonly verdict: Verdict | null;
  /** Whether there is a mark, also one without a verdict; absent or `null` where only a verdict says so. */
  readonly graded?: boolean | null;
  /** The LMS's own number of this attempt. */
  readonly attemptNo?: number | null;
  /** Whether `attemptNo` is part of what an attempt is, since the LMS reuses the row for the next one. */
  readonly reused?: boolean;
  /** Whether the student takes part in the course of this row now; absent or `null` where the LMS does not say. */
  readonly active?: boolean | null;
  /** The LMS's own words, for metadata and messages. */
  readonly state: string | null;
  readonly result: string | null;
  readonly studentId: LmsId | null;
  /** As the attempt row itself names the student; the people table is better where it knows them. */
  readonly studentUsername: string | null;
  readonly studentName: string | null;
  readonly studentEmail: string | null;
  /** Exam id or content id (never the attempt's). */
  readonly activityId: LmsId | null;
  readonly activity: Activity | null;
  readonly startedAt: EpochMicros | null;
  readonly lastStartedAt: EpochMicros | null;
  /** The LMS's own time of the finish, `null` when it has none. */
  readonly finishedAt: EpochMicros | null;
  readonly timeTakenS: number | null;
  readonly score: number | null;
  readonly percentage: number | null;
  readonly correct: number | null;
  readonly incorrect: number | null;
  readonly unanswered: number | null;
  readonly watchedPercentage: number | null;
  readonly contentType: string | null;
  /** True when a finish of this content means "watched" (video, recording, live stream). */
  readonly watchable: boolean;
  /** True when the row only mirrors an exam attempt (`assessment_id`): it gives no event. */
  readonly mirrorsExam: boolean;
  readonly courseId: LmsId | null;
  readonly chapterId: LmsId | null;
}

/** What an attempt was about; looked up by id, since a title is no part of a change. */
export interface Activity {
  readonly id: LmsId;
  readonly title: string | null;
  readonly scoreMax: number | null;
  readonly passPercentage: number | null;
  readonly durationAllowedS: number | null;
  readonly courseId: LmsId | null;
  readonly course: string | null;
  readonly chapterId: LmsId | null;
  readonly chapter: string | null;
}

/** A row the preset could not read at all; quarantined with its reason (P9). */
export interface BadRow {
  readonly kind: Kind;
  readonly id: LmsId;
  readonly hash: string;
  /** Names the column and the problem, never the personal value. */
  readonly reason: string;
}

/** What lmsmon remembers of an LMS row (table `lmsmon.row_states`). */
export interface RowState {
  readonly id: LmsId;
  /** Whose attempt the row was, and at what, when it was last known; another of either later is another attempt. */
  readonly studentId: LmsId | null;
  readonly activityId: LmsId | null;
  /** Which attempt this is that the LMS keeps under this row id, from 1. */
  readonly incarnation: number;
  /** The LMS's number of that attempt, where it is part of what an attempt is. */
  readonly attemptNo?: number | null;
  /** `null` while the row is missing from the LMS, and for what is known from a log alone. */
  readonly hash: string | null;
  readonly stage: Stage | "none";
  /** Last reported values; all `null` before a finish. */
  readonly reported: Reported;
  /** Revision of the last finish event; 0 before the first. */
  readonly revision: number;
  /** The row can still move: it is read by id in every poll. */
  readonly open: boolean;
  /** lmsmon saw this row open at some poll, so its finish is news whatever its dates say. */
  readonly seenOpen: boolean;
  /** The event that reported the current values, for `supersedes`. */
  readonly lastEventId: string | null;
  readonly missingSince: EpochMicros | null;
  /** How many full passes the stream had ended then, the one that missed the row included; `null` while the row is there. */
  readonly missingAtPass: number | null;
}
