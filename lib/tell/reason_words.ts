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
/** Why a student is told of to nobody. */
export type Exclusion = "inactive" | "excluded_username" | "excluded_batch";
/** What keeps a delivery from leaving that no row of it says. */
export type Hindrance = "poll_running" | "poll_failed" | "guard" | "outage" | "refused_so_far" | "none";
/** Why there is no delivery to a mentor at all. */
export type Absent = "not_mentor";

/** What the sentences are made of. */
export interface Facts {
  readonly config: Pick<Config, "notify" | "students">;
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
  readonly exclusion: Exclusion | null;
  readonly mentors: readonly string[];
  /** A time for people. */
  readonly when: (at: EpochMicros) => string;
}

/** A rule that says no, or not yet: what it says in this case, and what would change it. */
export interface Rule {
  readonly says: (facts: Facts) => string;
  readonly change: (facts: Facts) => string;
}
