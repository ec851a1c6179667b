/** What a row is an attempt at. */
export type Kind = "exam" | "assignment" | "content";
export const KINDS: readonly Kind[] = ["exam", "assignment", "content"];

/** Whether attempts of a kind have results: exams, and assignments, which are exams that are handed in and told as such. */
export function hasResults(kind: string): boolean {
  return kind !== "content";
}

/** Stages that can be told about; a row that has reached neither is `none`. */
export type Stage = "started" | "finished";
export type Verdict = "pass" | "fail";

/** Everything that depends on an event's type alone. */
export interface EventTypeFacts {
  /** Of exams and assignments alike, or of content. */
  readonly kind: "exam" | "content";
  readonly stage: Stage;
  /** Where it is told unless the configuration says otherwise: in the next round, or at the digest times. */
  readonly place: "immediate" | "digest";
  /** Position of its group in a digest, from 1; what a mentor must act on comes first. */
  readonly digestRank: number;
  readonly sign: string;
  /** "Student 17 **passed** Rank Test 12". */
  readonly verb: string;
  /** "**finished** 13:02": what was done at the time that a message names. */
  readonly timeVerb: string;
  /** What it is done to, one and several: "failed 3 **exams**". */
  readonly noun: readonly [one: string, several: string];
  /** In the head of a digest with several groups: "4 failed, **2 exams started**". */
  readonly counted: (n: number) => string;
  /** In a digest each gets a line of its own, since a mentor acts on these one by one. */
  readonly lineEach: boolean;
  /** What the made-up event of this type says, for `notify-test --event` and for tests. */
  readonly sample: { readonly verdict: Verdict | null; readonly watchedPercentage: number | null };
}

const exams = (n: number) => n === 1 ? "1 exam" : `${n} exams`;
const NO_RESULT = { verdict: null, watchedPercentage: null } as const;

/**
 * The event types, in the order a student meets them; the only place that lists them. A new
 * one is a record here, a migration that adds it to the CHECK of `lms_activity_events`, and the branch of
 * lib/detect/detect.ts that finds it.
 */
export const EVENT_TYPE_FACTS = {
  exam_started: {
    kind: "exam",
    stage: "started",
    place: "digest",
    digestRank: 7,
    sign: "▶️",
    verb: "started",
    timeVerb: "started",
    noun: ["exam", "exams"],
    counted: (n) => `${exams(n)} started`,
    lineEach: false,
    sample: NO_RESULT,
  },
  exam_completed: {
    kind: "exam",
    stage: "finished",
    place: "immediate",
    digestRank: 4,
    sign: "📝",
    verb: "submitted",
    timeVerb: "submitted",
    noun: ["exam", "exams"],
    counted: (n) => `${n} submitted`,
    lineEach: false,
    sample: NO_RESULT,
  },
  exam_failed: {
    kind: "exam",
    stage: "finished",
    place: "immediate",
    digestRank: 1,
    sign: "❗",
    verb: "failed",
    timeVerb: "finished",
    noun: ["exam", "exams"],
    counted: (n) => `${n} failed`,
    lineEach: true,
    sample: { verdict: "fail", watchedPercentage: null },
  },
  exam_passed: {
    kind: "exam",
    stage: "finished",
    place: "immediate",
    digestRank: 3,
    sign: "🎓",
    verb: "passed",
    timeVerb: "finished",
    noun: ["exam", "exams"],
    counted: (n) => `${n} passed`,
    lineEach: false,
    sample: { verdict: "pass", watchedPercentage: null },
  },
  content_started: {
    kind: "content",
    stage: "started",
    place: "digest",
    digestRank: 8,
    sign: "📖",
    verb: "started",
    timeVerb: "started",
    noun: ["item", "items"],
    counted: (n) => `${n} content started`,
    lineEach: false,
    sample: NO_RESULT,
  },
  content_completed: {
    kind: "content",
    stage: "finished",
    place: "digest",
    digestRank: 9,
    sign: "📚",
    verb: "completed",
    timeVerb: "finished",
    noun: ["item", "items"],
    counted: (n) => `${n} content completed`,
    lineEach: false,
    sample: NO_RESULT,
  },
  content_watched: {
    kind: "content",
    stage: "finished",
    place: "digest",
    digestRank: 10,
    sign: "🎬",
    verb: "watched",
    timeVerb: "finished",
    noun: ["lecture", "lectures"],
    counted: (n) => `${n} watched`,
    lineEach: false,
    sample: { verdict: null, watchedPercentage: 92 },
  },
} as const satisfies Readonly<Record<string, EventTypeFacts>>;

export type EventType = keyof typeof EVENT_TYPE_FACTS;

function isEventType(name: string): name is EventType {
  return Object.hasOwn(EVENT_TYPE_FACTS, name);
}

export const EVENT_TYPES: readonly EventType[] = Object.keys(EVENT_TYPE_FACTS).filter(isEventType);

/** The facts of a type, as the interface that all types have in common. */
export function factsOf(type: EventType): EventTypeFacts {
  return EVENT_TYPE_FACTS[type];
}

/** A type by its name; `null` for a name that this version does not know. */
export function eventTypeOf(name: string): EventType | null {
  return isEventType(name) ? name : null;
}

/** The types that are told at `place` unless the configuration says otherwise. */
export function typesToldAt(place: EventTypeFacts["place"]): EventType[] {
  return EVENT_TYPES.filter((type) => factsOf(type).place === place);
}

/** Finishes of exams that are not among these types: where they are not stored, who has only them looks like one who handed in nothing. */
export const unseenFinishes = (types: readonly EventType[]): readonly EventType[] =>
  EVENT_TYPES.filter((type) => EVENT_TYPE_FACTS[type].kind === "exam" && EVENT_TYPE_FACTS[type].stage === "finished")
    .filter((type) => !types.includes(type));
