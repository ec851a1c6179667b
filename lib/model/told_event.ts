import type { EventMetadata, LmsId, Reported, Revised } from "./event.ts";
import type { EventType, Kind } from "./event_types.ts";
import type { EpochMicros } from "./time.ts";

/** Everything a message about one event may say, read from the state database (lib/poll/record) for one recipient. */
export interface ToldEvent {
  readonly eventId: string;
  readonly source: string;
  readonly kind: Kind;
  readonly type: EventType;
  readonly attemptId: LmsId;
  /** The LMS's own keys where the ids stand for others (lib/model/key_space.ts): links are made of them. */
  readonly keys?: {
    readonly attempt: string | null;
    readonly activity: string | null;
    readonly student: string | null;
  };
  /** Which try of the student at this exam or content, from 1; `null` when unknown. */
  readonly attemptNo: number | null;
  readonly revision: number;
  readonly change: Revised | null;
  readonly occurredAt: EpochMicros;
  readonly occurredAtApproximate: boolean;
  readonly detectedAt: EpochMicros;
  readonly student: {
    readonly id: LmsId | null;
    readonly name: string | null;
    readonly username: string | null;
    /** Another student of this recipient has the same name: say which one is meant. */
    readonly nameIsShared: boolean;
  };
  readonly activityId: LmsId | null;
  readonly title: string | null;
  readonly course: string | null;
  readonly chapter: string | null;
  readonly contentType: string | null;
  readonly metadata: EventMetadata;
  /** What this recipient was told before about this attempt's finish; `null` when nothing was. */
  readonly previousTold: (Reported & { readonly type: EventType; readonly at: EpochMicros }) | null;
  /** Names of the other mentors who are told the same, as the LMS names them. */
  readonly alsoTold: readonly string[];
  /** 16 characters; see deliveryMarker(). */
  readonly marker: string;
  /** What stands for the marker where no link can hold it; see refsOf(). */
  readonly ref: string;
}

/** What the formatter needs besides the events. */
export interface FormatContext {
  readonly now: EpochMicros;
  /** IANA zone for people, `notify.timezone`. */
  readonly timezone: string;
  /** `lms.links`: templates by `exam_attempt` and `content`; no template, no link and a short `ref` line instead. */
  readonly links: Readonly<Record<string, string>>;
  /** Set when the events waited because Zulip or the LMS was away: the message says so in its head. Milliseconds. */
  readonly delayedMs: number | null;
  /** `format.names`; `full` when left out. */
  readonly names?: NamesForm;
}

/** How messages name a student. */
export const NAMES_FORMS = ["full", "initials", "username"] as const;
export type NamesForm = (typeof NAMES_FORMS)[number];

/** One message and the events (by index into the input) that it tells; every event is in exactly one message. */
export interface FormattedMessage {
  readonly content: string;
  readonly told: readonly number[];
  readonly kind: "single" | "digest";
}
