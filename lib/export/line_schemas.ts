import { z } from "zod";
import { EVENT_TYPES, KINDS } from "../model/event_types.ts";
import { PATTERN_TYPES } from "../model/pattern_types.ts";
import { PSEUDONYM } from "../model/pseudonym.ts";

// The lines of schema 2, the contract for those who read exports. docs/export.md says what each key means; `lmsmon schema`
// prints these as JSON Schema.

/** lmsmon's own ids: text above 2^53, where a JSON number would lose digits. */
const eventId = z.union([z.int().min(1), z.string().regex(/^\d{16,19}$/)]);
/** An id of the LMS, or a pseudonym in its place: always text. */
const id = z.string().min(1);
const DAY = String.raw`\d{4,}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])`;
const time = z.string().regex(new RegExp(String.raw`^${DAY}T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z$`)).meta({
  description: "UTC, always with six digits after the point",
});
const date = z.string().regex(new RegExp(`^${DAY}$`));
const verdict = z.enum(["pass", "fail"]);
const count = z.int().min(0);
const zulipId = z.union([z.int(), z.string().regex(/^\d{16,19}$/)]);
const text = z.string();

const student = z.strictObject({
  id: id.nullable().meta({ description: "a pseudonym, or with --identified the id of the LMS; null when erased" }),
  batch_ids: z.array(id).nullable(),
  username: text.nullable(),
  email: text.nullable(),
  zulip_user_id: zulipId.nullable(),
});
/** Where lines are of students, nobody's are none. */
const somebody = student.extend({
  id: id.meta({ description: "a pseudonym, or with --identified the id of the LMS" }),
});

export const eventLine = z.strictObject({
  schema: z.literal(2),
  event_id: eventId,
  event_type: z.enum(EVENT_TYPES),
  occurred_at: time,
  occurred_at_approximate: z.boolean(),
  detected_at: time,
  source: text.min(1),
  origin: z.enum(["live", "backfill"]),
  student,
  mentors: z.array(z.strictObject({ id, username: text.nullable(), email: text.nullable() })),
  activity: z.strictObject({
    kind: z.enum(KINDS),
    id: id.nullable(),
    attempt_id: id,
    attempt_no: z.int().min(1).nullable(),
    title: text.nullable(),
    course_id: id.nullable(),
    course: text.nullable(),
    chapter_id: id.nullable(),
    chapter: text.nullable(),
    content_type: text.nullable(),
  }),
  metadata: z.strictObject({
    graded: z.boolean().nullable(),
    verdict: verdict.nullable(),
    score: z.number().nullable(),
    score_max: z.number().nullable(),
    percentage: z.number().nullable(),
    pass_percentage: z.number().nullable(),
    correct: z.number().nullable(),
    incorrect: z.number().nullable(),
    unanswered: z.number().nullable(),
    started_at: time.nullable(),
    time_taken_s: z.number().nullable(),
    duration_allowed_s: z.number().nullable(),
    watched_percentage: z.number().nullable(),
    result: text.nullable(),
    state: text.nullable(),
    revision: z.int().min(1),
    supersedes: eventId.nullable(),
    previous: z.strictObject({
      verdict: verdict.nullable(),
      score: z.number().nullable(),
      percentage: z.number().nullable(),
    }).nullable(),
  }),
  processed_for_ai: z.boolean(),
});
export type EventLine = z.infer<typeof eventLine>;

/** A person was erased: whoever has lines with this pseudonym deletes them, or takes the pseudonym out. */
export const erasureLine = z.strictObject({
  schema: z.literal(2),
  kind: z.literal("erasure"),
  event_id: eventId,
  erased_at: time,
  source: text.min(1),
  role: z.enum(["student", "mentor"]),
  pseudonym: z.string().regex(PSEUDONYM),
  reason_code: text.min(1),
});
export type ErasureLine = z.infer<typeof erasureLine>;

/** What the latest state of some attempts at exams comes to. */
const exams = z.strictObject({
  attempts: count,
  finished: count,
  passed: count,
  failed: count,
  ungraded: count.meta({ description: "handed in, and no result is out" }),
  pass_rate: z.number().min(0).max(1).nullable().meta({ description: "passed of those with a verdict" }),
  mean_percentage: z.number().nullable(),
});
const contents = z.strictObject({ attempts: count, finished: count });

export const studentLine = z.strictObject({
  schema: z.literal(2),
  source: text.min(1),
  student: somebody,
  events: count,
  active_days: count,
  first_occurred_at: time,
  last_occurred_at: time,
  last_percentage: z.number().nullable(),
  exams,
  contents,
});
export type StudentLine = z.infer<typeof studentLine>;

export const weekLine = z.strictObject({
  schema: z.literal(2),
  source: text.min(1),
  student: somebody,
  week: z.string().regex(/^\d{4}-W(?:0[1-9]|[1-4]\d|5[0-3])$/),
  week_start: date.meta({ description: "its Monday, in notify.timezone" }),
  events: count,
  active_days: count.max(7),
  exams,
  contents,
});
export type WeekLine = z.infer<typeof weekLine>;

export const patternLine = z.strictObject({
  schema: z.literal(2),
  pattern_id: eventId.meta({ description: "lmsmon's own, apart from event_id; in the order of finding" }),
  pattern_type: z.enum(PATTERN_TYPES),
  source: text.min(1),
  student: somebody,
  course_id: id,
  day: date.meta({ description: "the day that was judged, in notify.timezone" }),
  since: date.meta({ description: "when it began" }),
  found_at: time,
  history: z.boolean().meta({ description: "of the first evaluation of its course" }),
  ended_day: date.nullable().meta({ description: "from this day on it clearly was no more so" }),
  withdrawn_day: date.nullable().meta({ description: "the work of a missed deadline has come after all" }),
  event_ids: z.array(eventId).meta({ description: "the events that it rests on" }),
  activity_ids: z.array(id).meta({ description: "the exams and assignments of a missed deadline" }),
  evidence: z.strictObject({
    idle_days: count.nullable(),
    course_idle_days: z.number().nullable().meta({ description: "median of the course" }),
    active_days: count.nullable().meta({ description: "of the last fortnight" }),
    usual_active_days: z.number().nullable().meta({ description: "median of the four fortnights before" }),
    ranks: z.array(z.number().min(0).max(1)).nullable().meta({
      description: "in the course, of the last marked exams",
    }),
    slope: z.number().nullable().meta({ description: "of the ranks, an exam" }),
  }),
});
export type PatternLine = z.infer<typeof patternLine>;

export type ExportLine = EventLine | ErasureLine | StudentLine | WeekLine | PatternLine;

/** What `lmsmon schema` can print. A `latest` line is an event's. */
export const LINE_SCHEMAS = {
  event: eventLine,
  latest: eventLine,
  student: studentLine,
  week: weekLine,
  pattern: patternLine,
  erasure: erasureLine,
} as const;
export type LineKind = keyof typeof LINE_SCHEMAS;

const TITLES: Readonly<Record<LineKind, string>> = {
  event: "One event: a line of `lmsmon export-ai`",
  latest: "The last event of an attempt: a line of `lmsmon export-ai --view latest`",
  student: "What one student did: a line of `lmsmon export-ai --view students`",
  week: "What one student did in one week: a line of `lmsmon export-ai --view weeks`",
  pattern: "What was seen in a student's activity on a day: a line of `lmsmon export-ai --view patterns`",
  erasure: "A person was erased: a line among the events, told by its key `kind`",
};

/** JSON Schema 2020-12 of a line, made of the very definition that lines are tested with. */
export function jsonSchemaOf(kind: LineKind): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(LINE_SCHEMAS[kind], { target: "draft-2020-12" });
  return { $schema, $id: `urn:lmsmon:export:2:${kind}`, title: TITLES[kind], ...rest };
}
