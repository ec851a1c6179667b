import { z } from "zod";
import { EVENT_TYPES, KINDS } from "../../lib/model/event_types.ts";

/** Text above 2^53, where a JSON number would lose digits. */
const id = z.union([z.number().refine(Number.isInteger), z.string().regex(/^-?\d{16,19}$/)]);
const time = z.string().regex(/^\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
const verdict = z.enum(["pass", "fail"]);
const person = { id, username: z.string().nullable(), email: z.string().nullable() };

/** One line of `export-ai`, schema 1: every key is always there. What `--schema 1` keeps for those who read such lines. */
export const exportLine = z.strictObject({
  schema: z.literal(1),
  event_id: id,
  event_type: z.enum(EVENT_TYPES),
  occurred_at: time,
  occurred_at_approximate: z.boolean(),
  detected_at: time,
  source: z.string(),
  origin: z.enum(["live", "backfill"]),
  student: z.strictObject({
    ...person,
    id: id.nullable(),
    batch_ids: z.array(id).nullable(),
    zulip_user_id: id.nullable(),
  }),
  mentors: z.array(z.strictObject(person)),
  activity: z.strictObject({
    kind: z.enum(KINDS),
    id: id.nullable(),
    attempt_id: id,
    attempt_no: z.int().nullable(),
    title: z.string().nullable(),
    course_id: id.nullable(),
    course: z.string().nullable(),
    chapter_id: id.nullable(),
    chapter: z.string().nullable(),
    content_type: z.string().nullable(),
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
    result: z.string().nullable(),
    state: z.string().nullable(),
    revision: z.int(),
    supersedes: id.nullable(),
    previous: z.strictObject({
      verdict: verdict.nullable(),
      score: z.number().nullable(),
      percentage: z.number().nullable(),
    }).nullable(),
  }),
  processed_for_ai: z.boolean(),
});
