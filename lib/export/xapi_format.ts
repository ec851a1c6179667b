import { createHash } from "node:crypto";
import { factsOf, hasResults } from "../model/event_types.ts";
import type { EventLine, ExportLine } from "./line_schemas.ts";
import type { PartFormat } from "./part_format.ts";

/** An event with what a statement's identity is made of, as the database hands it over for this format. */
export interface XapiEvent {
  readonly event_id: string | number;
  /** The attempt's stored pseudonym, whatever ids the line has. */
  readonly attempt: string;
  readonly incarnation: number;
  readonly line: EventLine;
}

export interface XapiOptions {
  readonly version: "1.0.3" | "2.0.0";
  /** Where the accounts of a source are at home. */
  readonly homeOf: (source: string) => string;
  /** Changes a line, such as its pseudonyms. */
  readonly change: ((line: ExportLine) => ExportLine) | null;
}

/** Of every statement id of lmsmon: the recipe is frozen, since a store refuses a known id with other content. */
const NAMESPACE = "6f1d2c1e-5b0f-5d83-9a55-3e0a5f6f8c11";
/** Raised when statements say something else than before. Not lmsmon's own version: an update must not change what is known by its id. */
const RECIPE = "1";
const ADL = "http://adlnet.gov/expapi";
const EXTENSIONS = "https://lmsmon.invalid/xapi";

const VERBS = {
  exam_started: [`${ADL}/verbs/initialized`, "initialized"],
  exam_completed: [`${ADL}/verbs/completed`, "completed"],
  exam_failed: [`${ADL}/verbs/failed`, "failed"],
  exam_passed: [`${ADL}/verbs/passed`, "passed"],
  content_started: [`${ADL}/verbs/initialized`, "initialized"],
  content_completed: [`${ADL}/verbs/completed`, "completed"],
  content_watched: [`${ADL}/verbs/completed`, "completed"],
  voided: [`${ADL}/verbs/voided`, "voided"],
} as const;

/** xAPI statements, one a line. An event without a student has no actor and gives none, nor does an erasure. */
export function xapiFormat(options: XapiOptions): PartFormat {
  const encoder = new TextEncoder();
  const nothing = new Uint8Array(0);
  return {
    lines: "of_bytes",
    keepsRows: false,
    begin: () => nothing,
    rows: (events) => {
      const statements = (events as unknown as readonly XapiEvent[]).flatMap((event) => statementsOf(event, options));
      return encoder.encode(statements.map((statement) => `${JSON.stringify(statement)}\n`).join(""));
    },
    end: () => nothing,
  };
}

/** A revision is a statement of its own; the one that it replaces is voided first. */
export function statementsOf(event: XapiEvent, options: XapiOptions): Record<string, unknown>[] {
  const line = options.change === null ? event.line : options.change(event.line) as EventLine;
  const { version, homeOf } = options;
  if (line.student.id === null) return [];
  const actor = { objectType: "Agent", account: { homePage: homeOf(line.source), name: line.student.id } };
  const { revision } = line.metadata;
  const statement = {
    id: statementId(event, revision),
    actor,
    verb: verb(line.event_type),
    object: activityOf(line, homeOf(line.source)),
    ...resultOf(line),
    context: contextOf(event, line, homeOf(line.source)),
    timestamp: line.occurred_at,
    version,
  };
  if (revision === 1) return [statement];
  const voided = statementId(event, revision - 1);
  return [{
    id: uuid5(`void|${voided}`),
    actor,
    verb: verb("voided"),
    object: { objectType: "StatementRef", id: voided },
    timestamp: line.detected_at,
    version,
  }, statement];
}

const verb = (type: keyof typeof VERBS) => ({ id: VERBS[type][0], display: { en: VERBS[type][1] } });

/** Of source, kind, the attempt's stored pseudonym, its incarnation, stage and revision. */
function statementId({ attempt, incarnation, line }: XapiEvent, revision: number): string {
  return uuid5(
    [line.source, line.activity.kind, attempt, incarnation, factsOf(line.event_type).stage, revision].join("|"),
  );
}

function activityOf(line: EventLine, home: string) {
  const { kind, id, title, content_type } = line.activity;
  const isVideo = line.event_type === "content_watched" || /video|live/i.test(content_type ?? "");
  const type = hasResults(kind)
    ? `${ADL}/activities/assessment`
    : isVideo
    ? "https://w3id.org/xapi/video/activity-type/video"
    : `${ADL}/activities/lesson`;
  return {
    objectType: "Activity",
    id: `${home}/${kind}/${encodeURIComponent(id ?? "unknown")}`,
    definition: { type, ...(title === null ? {} : { name: { und: title } }) },
  };
}

function resultOf({ event_type, metadata: m }: EventLine): { result?: Record<string, unknown> } {
  if (factsOf(event_type).stage === "started") return {};
  const score = scoreOf(m);
  const duration = durationOf(m.time_taken_s);
  const result = {
    completion: true,
    ...(event_type === "exam_passed" || event_type === "exam_failed" ? { success: event_type === "exam_passed" } : {}),
    ...(score === null ? {} : { score }),
    ...(duration === null ? {} : { duration }),
    ...(m.watched_percentage === null ? {} : {
      extensions: { "https://w3id.org/xapi/cmi5/result/extensions/progress": Math.round(m.watched_percentage) },
    }),
  };
  return { result };
}

/** ISO 8601, to the hundredth of a second; `null` where nobody knows, and for what is no time that anybody took. */
function durationOf(seconds: number | null): string | null {
  const hundredths = seconds === null ? -1 : Math.round(seconds * 100);
  return hundredths >= 0 && Number.isSafeInteger(hundredths) ? `PT${hundredths / 100}S` : null;
}

/** `null` when there is no mark. `raw` lies between `min` and `max` wherever these are given: marks may be below zero. */
function scoreOf({ graded, score, score_max: max, percentage }: EventLine["metadata"]): Record<string, number> | null {
  if (graded !== true || (score === null && percentage === null)) return null;
  const scaled = percentage === null ? null : Math.max(-1, Math.min(1, percentage / 100));
  return {
    ...(scaled === null ? {} : { scaled }),
    ...(score === null ? {} : { raw: score }),
    ...(score !== null && score >= 0 && (max === null || max > 0) ? { min: 0 } : {}),
    ...(max !== null && max > 0 && (score === null || score <= max) ? { max } : {}),
  };
}

function contextOf({ attempt, event_id }: XapiEvent, line: EventLine, home: string) {
  const { course_id, course, chapter_id, chapter, attempt_id } = line.activity;
  const part = (kind: string, id: string, name: string | null, type: string) => ({
    objectType: "Activity",
    id: `${home}/${kind}/${encodeURIComponent(id)}`,
    definition: { type: `${ADL}/activities/${type}`, ...(name === null ? {} : { name: { und: name } }) },
  });
  const parent = [
    ...(chapter_id === null ? [] : [part("chapter", chapter_id, chapter, "module")]),
    ...(course_id === null ? [] : [part("course", course_id, course, "course")]),
  ];
  const batches = (line.student.batch_ids ?? []).map((id) => part("batch", id, null, "group"));
  return {
    registration: uuid5(`registration|${line.source}|${line.activity.kind}|${attempt}`),
    platform: line.source,
    contextActivities: {
      ...(parent.length === 0 ? {} : { parent }),
      grouping: [part(`${line.activity.kind}-attempt`, attempt_id, null, "attempt"), ...batches],
      category: [{
        objectType: "Activity",
        id: `${EXTENSIONS}/profile`,
        definition: { type: `${ADL}/activities/profile` },
      }],
    },
    extensions: {
      [`${EXTENSIONS}/recipe`]: RECIPE,
      [`${EXTENSIONS}/event_id`]: event_id,
      [`${EXTENSIONS}/origin`]: line.origin,
      [`${EXTENSIONS}/occurred_at_approximate`]: line.occurred_at_approximate,
      [`${EXTENSIONS}/revision`]: line.metadata.revision,
    },
  };
}

/** RFC 4122, version 5. */
export function uuid5(name: string): string {
  const namespace = Uint8Array.from(NAMESPACE.replaceAll("-", "").match(/../g) ?? [], (hex) => parseInt(hex, 16));
  const hash = createHash("sha1").update(namespace).update(name).digest();
  const bytes = Uint8Array.from(hash.subarray(0, 16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
