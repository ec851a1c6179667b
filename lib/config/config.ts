import type { EffectiveKey } from "./effective.ts";
import type { Secret } from "../base/secrets.ts";
import type { LmsId } from "../model/event.ts";
import type { EventType } from "../model/event_types.ts";
import type { NamesForm } from "../model/told_event.ts";

/** Times of day in `notify.timezone`, minutes after midnight, ascending. */
export type MinuteOfDay = number;

/** A span of every day on somebody's wall clock; over midnight when it ends earlier than it begins. Never empty. */
export interface QuietHours {
  readonly from: MinuteOfDay;
  readonly to: MinuteOfDay;
}

/** Once a week, in `notify.timezone`. */
export interface WeeklyTelling {
  /** 1: Monday, 7: Sunday. */
  readonly weekday: number;
  readonly at: MinuteOfDay;
  /** Names in a message, at most. */
  readonly most: number;
}

/** `{channel, topic}` or none. */
export type Fallback = { readonly channel: string; readonly topic: string } | null;

/**
 * The whole configuration after loading: checked, secrets read, paths absolute, durations in milliseconds.
 * `config.example.yaml` documents every key.
 */
export interface Config {
  readonly enabled: boolean;
  readonly source: Source;
  readonly lms: LmsConfig;
  readonly state: StateConfig;
  readonly poll: {
    readonly intervalMs: number;
    readonly fullPassMs: number;
    readonly eventTypes: readonly EventType[];
  };
  readonly notify: NotifyConfig;
  readonly students: {
    readonly activeOnly: boolean;
    readonly excludeUsernames: readonly string[];
    readonly batches: readonly LmsId[];
  };
  /** How messages name students; in full when left out. */
  readonly format?: { readonly names: NamesForm };
  readonly admin: {
    readonly to: string | null;
    /** When the report of the day before is sent, in `notify.timezone`; `null`: never. */
    readonly reportAt?: MinuteOfDay | null;
    /** What else the administrator hears of; all of it when left out. */
    readonly on?: readonly AdminTopic[];
  };
  /** Asked after each good poll (a dead man's switch). */
  readonly health?: { readonly pingUrl: string | null };
  readonly zulip: ZulipConfig;
  readonly users: {
    /** LMS email or username (lower case) -> Zulip user id or email. */
    readonly overrides: ReadonlyMap<string, string>;
    readonly placeholderDomains: readonly string[];
    readonly cacheMs: number;
  };
  /** What a line of an export looks like where nothing else is asked for. */
  readonly export: { readonly schema: 1 | 2 };
  readonly insights?: {
    /** Absolute path of the score's own constants; `null`: the built-in ones. */
    readonly constants: string | null;
    /** When the day before is searched for patterns; `null`: never, as when it is left out. */
    readonly at?: MinuteOfDay | null;
    /** When mentors are told whom to call; `null`: never, as when it is left out. */
    readonly tell?: WeeklyTelling | null;
  };
  /** Where erasures are kept besides the state, absolute; `null`: beside an embedded state, and nowhere for a server's. */
  readonly privacy: { readonly journal: string | null };
  /** What is kept only so long; all of it for ever when left out. */
  readonly retention?: RetentionConfig;
  readonly log: { readonly level: LogLevel; readonly format: "auto" | "pretty" | "json" };
  readonly listen: { readonly host: string; readonly port: number } | null;
  /** Files that hold secrets, absolute: passwords, keys and a zuliprc, as far as the configuration names them. */
  readonly secretFiles?: readonly string[];
  /** The file it came from, absolute; `null` when there was none and the defaults stand. */
  readonly file?: string | null;
  /** Other configurations that are there, absolute, and not taken since `file` comes first. */
  readonly passedOver?: readonly string[];
  /** Every key with its value as written, secrets masked, and where it came from. */
  readonly effective?: readonly EffectiveKey[];
}

/** A mapping as it is written, in a file of its own or in the configuration. */
export interface MappingText {
  /** The file, for messages. */
  readonly label: string;
  readonly value: unknown;
  locate(path: readonly (string | number)[]): { readonly line: number; readonly column: number } | null;
}
/** What the administrator can be told of, besides the daily report. */
export const ADMIN_TOPICS = ["trouble", "recovered", "fuse", "stale", "dead"] as const;
export type AdminTopic = (typeof ADMIN_TOPICS)[number];

/** For how long what is kept; `null`: for ever. */
export interface RetentionConfig {
  readonly eventsMs: number | null;
  readonly messageTextMs: number | null;
  readonly auditMs: number | null;
}

export type LogLevel = "debug" | "info" | "warning" | "error";

/** The LMS that is watched, as all but its reader know it. */
export interface Source {
  /** As every row of the state names it. */
  readonly name: string;
  /** Link templates by kind: `exam_attempt`, `content`; values with `{attempt_id}`, `{activity_id}`, `{student_id}`. */
  readonly links: Readonly<Record<string, string>>;
  /** The administrator hears when nothing newer than this is in the LMS; `null`: never. */
  readonly staleAfterMs: number | null;
}

/** How the LMS is reached and read. */
export interface LmsConfig {
  /** The source's. */
  readonly name: string;
  /**
   * Without its password, see `password`; `postgres://`, `mysql://` (never `postgresql:` or `mariadb:`), or `pglite:<dir>`
   * (demo and tests). Empty when it is not configured and the command needs no LMS.
   */
  readonly url: string;
  readonly password: Secret | null;
  /** Opens the client's key that the URL names (`sslpassword`). */
  readonly keyPassword?: Secret | null;
  readonly preset: string;
  /** `lms.mapping`, for preset custom. */
  readonly mapping?: MappingText | null;
  readonly timezone: string;
  readonly statementTimeoutMs: number;
  /** What `exams.duration` counts; `auto`: up to 600 minutes, above seconds (the unit is documented nowhere, docs/lms-testpress.md). */
  readonly examDurationUnit: "auto" | "minutes" | "seconds";
  /** What preset moodle needs to know of the site. */
  readonly moodle?: MoodleConfig;
}

export interface MoodleConfig {
  /** Before the name of every table. */
  readonly prefix: string;
  /** Short names of the roles that make somebody a mentor, assigned in a student's own context. */
  readonly mentorRoles: readonly string[];
  /** Types of activity whose finish is told as watched. */
  readonly media: readonly string[];
  /** Whether assignments are read. */
  readonly assignments: boolean;
}

export interface StateConfig {
  /** `pglite:<absolute dir>` or `postgres://…` without its password. */
  readonly url: string;
  readonly password: Secret | null;
  /** As in `lms`. */
  readonly keyPassword?: Secret | null;
  /** `url` is a default that was another one in earlier versions, and a state lies there. */
  readonly former?: FormerState;
}

/** A state at the default of lmsmon 0.1, beside `/etc/lmsmon/config.yaml`. */
export interface FormerState {
  /** Where it lies. */
  readonly path: string;
  /** The default of this version. */
  readonly now: string;
  /** Nothing lies at the default of this version, so the former one is used. */
  readonly isUsed: boolean;
}

export interface NotifyConfig {
  readonly enabled: boolean;
  readonly immediate: readonly EventType[];
  readonly digest: { readonly events: readonly EventType[]; readonly at: readonly MinuteOfDay[] };
  readonly digestAbove: number;
  /** What is due to a mentor within so long of their last message is told in one; 0: nothing waits for that. */
  readonly gatherMs: number;
  readonly quiet: QuietHours | null;
  readonly maxPerMentor: { readonly messages: number; readonly perMs: number } | null;
  readonly revisions: "verdict" | "score" | "none";
  readonly maxAgeMs: number | null;
  readonly mentorGraceMs: number;
  readonly accountGraceMs: number;
  readonly fallback: Fallback;
  readonly fuse: { readonly messagesPerPoll: number; readonly revisionsPerPoll: number } | null;
  readonly timezone: string;
  readonly maxAttempts: number;
  /** A trial: a Zulip user (id or address) who gets every message instead of the mentors; none of it is told later. */
  readonly redirectTo?: string | null;
}

export interface ZulipConfig {
  readonly requestTimeoutMs: number;
  readonly settleMs: number;
  /** A zuliprc, absolute; `null` when site, email and key are given otherwise. Re-read while Zulip answers 401. */
  readonly configFile: string | null;
  readonly site: string | null;
  readonly email: string | null;
  readonly apiKey: Secret | null;
  readonly apiKeyFile: string | null;
  /** Absolute PEM files of `ZULIP_CERT_BUNDLE`, `ZULIP_CERT` and `ZULIP_CERT_KEY`; a zuliprc may name them too. */
  readonly certBundle?: string | null;
  readonly clientCert?: string | null;
  readonly clientCertKey?: string | null;
}
