import { z } from "zod";
import { CommandError } from "../base/errors.ts";
import { quoted } from "../history/lines.ts";
import type { Queryable } from "../state/state_db.ts";
import * as shapes from "./insight_shapes.ts";
import { tool } from "./tool.ts";
import { maySee, type View } from "./view.ts";
import { renamed, withheld } from "./withhold.ts";

/** What became of one event; ids of people are those of the LMS. */
export interface ExplainedEvent {
  readonly studentId: string | null;
  readonly event: {
    readonly type: string;
    readonly kind: string;
    readonly title: string | null;
    readonly occurredAt: string;
    readonly detectedAt: string;
    readonly revision: number;
    readonly percentage: number | null;
    readonly verdict: string | null;
  };
  readonly deliveries: readonly ExplainedTold[];
  /** Text in the reasons that people or other programs wrote, and that may hold anything. */
  readonly freeTexts: readonly string[];
}

interface ExplainedTold {
  readonly mentorId: string | null;
  readonly status: string;
  readonly rule: string;
  readonly reason: string;
  readonly change: string | null;
}

/** Looks one event up, to all its mentors or to one. Resolves to `null` when there is none. */
export type ExplainEvent = (sql: Queryable, eventId: string, mentor: string | null) => Promise<ExplainedEvent | null>;

const told = z.strictObject({
  mentor: z.string().nullable().describe("what the mentor is called here; null: nobody, or a channel"),
  status: z.string(),
  rule: z.string().describe("the rule that decided"),
  reason: z.string(),
  what_would_change_it: z.string().nullable(),
});

export const explainEventTool = (explain: ExplainEvent) =>
  tool({
    name: "explain_event",
    title: "What became of an event",
    description:
      "One event of a student's history: what it was, to which mentors it was told, and where not, by which " +
      "rule and what would change it.",
    input: z.strictObject({
      event_id: z.union([z.int().min(1), z.string().regex(/^\d{1,18}$/)]).describe("of student_history"),
    }),
    output: z.strictObject({
      event_id: z.string(),
      student: shapes.student.nullable(),
      event: z.strictObject({
        type: z.string(),
        kind: z.string(),
        title: shapes.lmsText.nullable(),
        occurred_at: z.string(),
        detected_at: z.string(),
        revision: z.int(),
        percentage: z.number().nullable(),
        verdict: z.string().nullable(),
      }),
      told: z.array(told).describe("none: no delivery was made of it"),
    }),
    run: async (view, { event_id }) => {
      const id = BigInt(event_id).toString();
      const found = await explain(view.sql, id, view.mentor);
      // Of nobody (erased) is nobody's student: with a limit it is not there.
      if (found === null || (found.studentId === null ? view.students !== null : !maySee(view, found.studentId))) {
        throw new CommandError(`Cannot find event ${id} among those that may be seen`, {
          hint: "student_history gives the event_id of each event",
        });
      }
      const { event } = found;
      return {
        data: {
          event_id: id,
          student: found.studentId === null ? null : view.called("student", found.studentId),
          event: {
            type: event.type,
            kind: event.kind,
            title: event.title === null ? null : quoted(event.title),
            occurred_at: event.occurredAt,
            detected_at: event.detectedAt,
            revision: event.revision,
            percentage: event.percentage,
            verdict: event.verdict,
          },
          told: found.deliveries.map((one) => toldJson(view, one, found.freeTexts)),
        },
      };
    },
  });

function toldJson(view: View, one: ExplainedTold, freeTexts: readonly string[]): z.input<typeof told> {
  const words = (text: string) => view.identified ? renamed(text, view.called) : withheld(text, freeTexts, view.called);
  return {
    mentor: one.mentorId === null ? null : view.called("mentor", one.mentorId),
    status: one.status,
    rule: one.rule,
    reason: words(one.reason),
    what_would_change_it: one.change === null ? null : words(one.change),
  };
}
