import type { Config } from "../config/config.ts";
import type { LmsId } from "../model/event.ts";
import type { Stage } from "../model/event_types.ts";
import type { EpochMicros } from "../model/time.ts";
import type { ToldEvent } from "../model/told_event.ts";
import type { Clock } from "../base/clock.ts";
import type { Metrics } from "../base/metrics.ts";
import type { StateDb } from "../state/state_db.ts";
import type { ZulipApi } from "../bot/zulip_api.ts";

/** What the notifier logs with: constant templates, data as properties. */
export interface Log {
  debug(message: string, properties?: Record<string, unknown>): void;
  info(message: string, properties?: Record<string, unknown>): void;
  warn(message: string, properties?: Record<string, unknown>): void;
  error(message: string, properties?: Record<string, unknown>): void;
}

export interface NotifierDeps {
  readonly db: StateDb;
  readonly zulip: ZulipApi;
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly source: string;
  /** `--take-over`: recent messages of this bot that this state does not know are accepted as somebody else's past. */
  readonly takeOver?: boolean;
  /** Counts what is sent and what is not. */
  readonly metrics?: Metrics | null;
}

/** One (event, recipient) that may leave now. */
export interface DueRow {
  readonly logId: string;
  /** `mentor:<lms id>` or `channel:<name>/<topic>`. */
  readonly recipient: string;
  /** The Zulip account that reads it; `null` for a channel. */
  readonly account: string | null;
  readonly told: ToldEvent;
  readonly stage: Stage;
  /** Which attempt under its row id the event is of. */
  readonly incarnation: number;
  readonly dueAt: EpochMicros;
  /** It waited for a digest time (reason `digest` or `rate`), not for lmsmon. */
  readonly planned: boolean;
  /** It was put off to be told with others (reason `gathering` or `quiet`); `dueAt` may be still to come. */
  readonly gathered: boolean;
  /** How long the LMS was away before the event could be seen. Milliseconds. */
  readonly lmsAwayMs: number;
  /** Refusals that the row met already. */
  readonly attempts: number;
}

/** What is known of who reads a recipient's messages. */
export interface Recent {
  /** Messages that the recipient got within the window of `notify.max_per_mentor`. */
  readonly messages: number;
  /** When the oldest of them was made. */
  readonly oldestAt: EpochMicros | null;
  /** When the reader's last message was sent; `null`: none within `notify.gather`, or what is due now belongs to it. */
  readonly lastAt: EpochMicros | null;
  /** The reader's own time zone; `null`: not known. */
  readonly zone: string | null;
}

/** Why a due row is not told yet, by the plan of `notify`. */
export interface Wait {
  readonly reason: "gathering" | "quiet" | "rate";
  readonly until: EpochMicros;
}

/** What a message tells, as far as it matters once it is worded. */
export interface ToldRow {
  readonly logId: string;
  /** Refusals that the row met already. */
  readonly attempts: number;
  readonly told: Pick<ToldEvent, "detectedAt">;
}

/** One message as it will be sent, with the rows it tells. */
export interface Composed<Row extends ToldRow = DueRow> {
  readonly recipient: string;
  readonly kind: "single" | "digest" | "weekly";
  readonly content: string;
  readonly rows: readonly Row[];
}

export interface Composition {
  readonly messages: readonly Composed[];
  /** Starts that are not told, since their finish is in the same message. */
  readonly finishedSince: readonly DueRow[];
  /** Rows that go on waiting, perhaps for the same as before. Where there are messages, none. */
  readonly putOff: readonly (Wait & { readonly row: DueRow })[];
}

/** A mentor's (or student's) Zulip account; `null` when there is none that can be written to. */
export type AccountId = string | null;
export type AccountsById = ReadonlyMap<LmsId, AccountId>;

export interface RoundCounts {
  /** Deliveries (event, recipient) that are in Zulip now. */
  sent: number;
  /** Zulip messages they took. */
  messages: number;
  dead: number;
  suppressed: number;
  /** Deliveries that the round put off by the plan of `notify` or for a pause, by reason, with the earliest end of their wait. */
  readonly putOff: Map<Wait["reason"] | "paused", PutOffCount>;
}

export interface PutOffCount {
  readonly deliveries: number;
  readonly until: EpochMicros;
}

/** Deliveries that wait for one thing, and when the first and the last of them are looked at again. */
export interface Waiting {
  readonly reason: string;
  readonly deliveries: number;
  readonly from: EpochMicros;
  readonly until: EpochMicros;
}

export interface RoundResult extends Readonly<RoundCounts> {
  /** Deliveries that wait for something: a time, an account, a mentor, Zulip. */
  readonly waiting: number;
  readonly unknown: number;
  /** Those among them that wait, by reason: a time, an account, a mentor. */
  readonly waits: readonly Waiting[];
  /** For how long the oldest delivery that may leave has been due; 0 when none is. Seconds. */
  readonly oldestDueS: number;
  /** Deliveries that are not over, by status. */
  readonly unfinished: ReadonlyMap<string, number>;
  readonly circuit: "closed" | "open" | "half_open";
  /** Why nothing, or not everything, was sent: Zulip's trouble or the guard's refusal. */
  readonly trouble: string | null;
  /** The guard lets nothing out: another lmsmon on this bot, a lost state, or one that is just being compared with Zulip. */
  readonly guarded: boolean;
}

export interface RoundOptions {
  /** Finish the sends in hand, begin no new one. */
  readonly stop: AbortSignal;
  /** Abort requests in flight; their outcome is unknown then. */
  readonly hard?: AbortSignal;
}
