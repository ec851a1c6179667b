import type { Config } from "../config/config.ts";
import type { EpochMicros } from "../model/time.ts";
import type { Decision } from "./decide.ts";
import type { Pause } from "./pauses.ts";

/** Why a delivery waits. */
export type WaitReason = Decision["putOff"][number]["reason"] | "digest" | "channel_not_readable";
/** Why a delivery ended without a message; `dropped` stands for the text of `release --drop`. */
export type EndReason = Decision["suppress"][number]["reason"] | "dropped" | "redirected" | "erased";
/** Why a delivery was given up. */
export type DeadReason = "refused" | "poison" | "unseen" | "erased";
/** Why nobody is told of a student; `not_any_more`: nothing excludes them today. */
export type Exclusion = "inactive" | "excluded_username" | "excluded_batch" | "not_any_more";
/** What keeps a delivery from leaving although its own rows do not say so. */
export type Hindrance =
  | "switched_off"
  | "notifications_off"
  | "poll_running"
  | "guard"
  | "outage"
  | "refused_so_far"
  | "none";
/** How far the message of a delivery has come. */
export type UnderWay = "sending" | "unknown" | "sent";
/** Why there is no delivery to a mentor at all. */
export type Absent = "not_mentor";

/** What the sentences are made of. */
export interface Facts {
  readonly config: Pick<Config, "enabled" | "notify" | "students">;
  readonly now: EpochMicros;
  readonly event: {
    readonly type: string;
    readonly occurredAt: EpochMicros;
    readonly detectedAt: EpochMicros;
    readonly graceUntil: EpochMicros | null;
    /** `null`: of several polls. */
    readonly pollId: string | null;
    readonly pollReason: string | null;
  };
  readonly recipient: string | null;
  /** When it is looked at again. */
  readonly nextAt: EpochMicros | null;
  /** `null`: not known, or of several. */
  readonly attempts: number | null;
  readonly error: string | null;
  readonly reason: string | null;
  readonly account: { readonly status: string; readonly userId: string | null } | null;
  readonly pauses: readonly Pause[];
  readonly blocked: { readonly reason: string; readonly since: EpochMicros } | null;
  readonly exclusion: Exclusion;
  /** Mentors of the student when the event was found. */
  readonly mentors: readonly string[];
  /** Whether the recipient is one of the student's mentors now; `null`: not known. */
  readonly isMentorNow: boolean | null;
  /** When the send began. */
  readonly startedAt: EpochMicros | null;
  /** A time for people. */
  readonly when: (at: EpochMicros) => string;
}

/** A rule that says no, or not yet: what it says in this case, and what would change it. */
export interface Rule {
  readonly says: (facts: Facts) => string;
  readonly change: (facts: Facts) => string;
}
