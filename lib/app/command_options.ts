import type { ExportFormat, ExportView } from "../export/part_format.ts";
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
  /** `lms.name` of one of the LMSs whose events the state keeps. */
  readonly source: string | null;
  /** LMS id, username or pseudonym. */
  readonly student: string | null;
  readonly unprocessed: boolean;
  readonly limit: number | null;
  /** Absolute path; `null`: stdout. */
  readonly out: string | null;
  readonly markProcessed: boolean;
  readonly identified: boolean;
  /** A file with a key for other pseudonyms, absolute. */
  readonly pseudonyms: string | null;
  readonly format: ExportFormat;
  readonly view: ExportView;
  /** `null`: as configured. */
  readonly schema: 1 | 2 | null;
  readonly consumer: string | null;
  readonly ack: boolean;
  /** Decimal text. */
  readonly after: string | null;
  readonly follow: boolean;
  readonly splitBytes: number | null;
  readonly manifest: boolean;
  readonly xapiVersion: "1.0.3" | "2.0.0" | null;
  /** Requests for a language model instead of lines. */
  readonly batch: "anthropic" | "openai" | null;
  /** Absolute path of the instruction. */
  readonly prompt: string | null;
  /** Of instruction and history together; `null`: the default. */
  readonly maxTokens: number | null;
  readonly answerTokens: number | null;
  readonly model: string | null;
}

/** Exactly one of show, erase and reapply. */
export interface PrivacyOptions {
  readonly action: "show" | "erase";
  /** LMS id, username or pseudonym. */
  readonly person: string;
  /** Where a name means several. */
  readonly role: "student" | "mentor" | null;
  readonly source: string | null;
  readonly reasonCode: string | null;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly deleteMessages: boolean;
  readonly json: boolean;
}

export interface ReapplyOptions {
  /** Absolute. */
  readonly journal: string;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly json: boolean;
}

export interface ConsumersOptions {
  /** `null`: list them. */
  readonly drop: string | null;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly json: boolean;
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
  /** With `drop`: asks nobody. */
  readonly yes: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

export interface ReconcileOptions {
  /** `null`: as far back as this state needs. */
  readonly since: EpochMicros | null;
  readonly dryRun: boolean;
  readonly json: boolean;
}

export interface DemoOptions {
  /** Of the generator: the same seed gives the same students and exams. */
  readonly seed: number;
}

export interface HistoryOptions {
  /** LMS id, username or pseudonym. */
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
  /** LMS id, username or pseudonym. */
  readonly mentor: string | null;
  readonly list: "quiet" | "struggling" | "all";
  /** LMS id, username or pseudonym. */
  readonly explain: string | null;
  readonly json: boolean;
  readonly csv: boolean;
  /** The weekly message of each mentor instead. */
  readonly dryRun: boolean;
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
  /** By day of `zone`; `null`: what the state holds now. */
  readonly period: { readonly since: EpochMicros; readonly until: EpochMicros; readonly zone: string } | null;
  readonly json: boolean;
}

export interface DoctorOptions {
  readonly json: boolean;
}

export interface ExplainOptions {
  readonly about:
    | { readonly kind: "event"; readonly id: string }
    | { readonly kind: "mentor"; readonly who: string }
    | { readonly kind: "student"; readonly who: string; readonly mentor: string | null; readonly exam: string | null };
  /** detected_at >= since. */
  readonly since: EpochMicros | null;
  readonly limit: number;
  readonly json: boolean;
}

/** What is paused, as it was asked for: a person by id, username or pseudonym. */
export interface PauseSubject {
  readonly kind: "mentor" | "student" | "exam";
  readonly who: string;
  /** An id that no event names yet is taken as it is. */
  readonly mayBeUnknown: boolean;
}

export interface PauseOptions {
  /** `null`: everything. */
  readonly subject: PauseSubject | null;
  /** `null`: until somebody resumes it. */
  readonly until: EpochMicros | null;
  readonly reason: string;
  readonly dryRun: boolean;
  readonly json: boolean;
}

export interface ResumeOptions {
  /** `null`: everything. */
  readonly subject: PauseSubject | null;
  /** Every pause, whatever it covers. */
  readonly all: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** Exactly one of dead, event and mentor. */
export interface RetryOptions {
  readonly dead: boolean;
  readonly eventId: string | null;
  /** An id or a username. */
  readonly mentor: string | null;
  readonly dryRun: boolean;
  readonly json: boolean;
}

export interface ReloadOptions {
  readonly dryRun: boolean;
  readonly json: boolean;
}

export interface AuditOptions {
  /** Of every source that the state holds. */
  readonly all: boolean;
  readonly since: EpochMicros | null;
  readonly limit: number;
  readonly json: boolean;
}

export interface ConfigOptions {
  readonly check: boolean;
  /** Only what is not the default. */
  readonly changed: boolean;
  readonly json: boolean;
}

export interface PreviewOptions {
  readonly since: EpochMicros;
  readonly until: EpochMicros;
  readonly json: boolean;
}

export interface InitOptions {
  /** `null`: to be asked for. */
  readonly answers: Readonly<
    Record<"lmsUrl" | "lmsPasswordFile" | "stateUrl" | "statePasswordFile" | "zuliprc" | "timezone", string | null>
  >;
  readonly out: string;
  readonly force: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

export interface McpOptions {
  /** Ids, usernames and names instead of pseudonyms. */
  readonly identified: boolean;
  /** LMS id or username; `null`: every student may be seen. */
  readonly mentor: string | null;
}

export interface StateOptions {
  readonly action: "copy" | "dump" | "restore" | "check";
  /** Absolute; empty for `check`. */
  readonly path: string;
  readonly dryRun: boolean;
  readonly json: boolean;
}
