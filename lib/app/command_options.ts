import type { EventType } from "../model/event_types.ts";
import type { EpochMicros } from "../model/time.ts";

/** The flags of each subcommand after parsing: checked, times resolved, `null` where a flag was not given. */

export interface MigrateOptions {
  readonly dryRun: boolean;
  readonly status: boolean;
  readonly json: boolean;
}

export interface PollOnceOptions {
  readonly dryRun: boolean;
  /** False with --no-notify: deliveries stay pending. */
  readonly notify: boolean;
  readonly notifyHistory: boolean;
  /** The database under this source's name was exchanged on purpose. */
  readonly acceptSource: boolean;
  /** Send although the bot's own messages show markers that this state does not know. */
  readonly takeOver: boolean;
  /** Wait for a running poller, at most as long as its lease lives. */
  readonly wait: boolean;
  readonly json: boolean;
}

/** `--interval` and `--listen` are already in `config.poll.intervalMs` and `config.listen`. */
export interface WatchOptions {
  readonly dryRun: boolean;
  /** False with --no-notify: deliveries stay pending. */
  readonly notify: boolean;
  readonly acceptSource: boolean;
  readonly takeOver: boolean;
}

export interface NotifyTestOptions {
  /** Email or Zulip user id; `null`: the bot's owner. */
  readonly to: string | null;
  readonly event: EventType | null;
  readonly dryRun: boolean;
  readonly json: boolean;
}

export interface ExportAiOptions {
  /** detected_at >= since. */
  readonly since: EpochMicros | null;
  /** detected_at < until. */
  readonly until: EpochMicros | null;
  readonly types: readonly EventType[] | null;
  /** LMS id or username. */
  readonly student: string | null;
  readonly unprocessed: boolean;
  readonly limit: number | null;
  /** Absolute path; `null`: stdout. */
  readonly out: string | null;
  readonly markProcessed: boolean;
  readonly identified: boolean;
  readonly format: "jsonl";
}

export interface MapUsersOptions {
  readonly dryRun: boolean;
  readonly only: "mentors" | "students" | "all";
  readonly unmatched: boolean;
  readonly json: boolean;
  readonly csv: boolean;
}

/** Exactly one of list, drop, or (neither) release. */
export interface ReleaseOptions {
  /** Poll id; `null` only with `list` (all) or `drop` (every held poll). */
  readonly poll: string | null;
  readonly drop: boolean;
  /** Set exactly when `drop`. */
  readonly reason: string | null;
  readonly list: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

export interface ReconcileOptions {
  readonly since: EpochMicros;
  readonly dryRun: boolean;
  readonly json: boolean;
}

export interface DemoOptions {
  /** Of the generator: the same seed gives the same students and exams. */
  readonly seed: number;
}

export interface HistoryOptions {
  /** LMS id or username. */
  readonly student: string;
  readonly since: EpochMicros | null;
  readonly format: "text" | "json" | "prompt";
  readonly maxTokens: number | null;
  /** As an earlier answer gave it. */
  readonly cursor: string | null;
}

export interface InsightsOptions {
  /** ISO date, today or yesterday; `null`: today. */
  readonly at: string | null;
  /** Id or title. */
  readonly course: string | null;
  /** LMS id or username. */
  readonly mentor: string | null;
  readonly list: "quiet" | "struggling" | "all";
  /** LMS id or username. */
  readonly explain: string | null;
  readonly json: boolean;
  readonly csv: boolean;
}

export interface OutcomesOptions {
  /** A CSV file, absolute. */
  readonly outcomes: string;
  /** Days to judge on, as `InsightsOptions.at`; at least one. */
  readonly at: readonly string[];
  readonly json: boolean;
}

export interface FitOptions extends OutcomesOptions {
  /** Absolute; `null`: shown only. */
  readonly out: string | null;
  readonly dryRun: boolean;
}

export interface StatsOptions {
  readonly json: boolean;
}

export interface DoctorOptions {
  readonly json: boolean;
}
