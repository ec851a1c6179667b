import { z } from "zod";
import { findStudents } from "../../sql/state/agent.ts";
import { UsageError } from "../base/errors.ts";
import { type HistoryItem, placeOfCursor } from "../history/items.ts";
import { itemJson, quoted } from "../history/lines.ts";
import { readHistory } from "../history/read_history.ts";
import { formatUtc, fromInstant } from "../model/time.ts";
import { parseTimePast } from "../text/parse_time.ts";
import { isPseudonym } from "../model/pseudonym.ts";
import { SAY_BESIDE } from "../insights/score.ts";
import * as shapes from "./insight_shapes.ts";
import { tool } from "./tool.ts";
import { bare, courseOf, maySee, seenCourses, studentOf } from "./view.ts";

const foundStudent = z.strictObject({
  student: shapes.student,
  id: z.string().nullable().describe("of the LMS; null unless the server is identified"),
  username: shapes.lmsText.nullable(),
  name: shapes.lmsText.nullable(),
  active: z.boolean(),
  events: z.int(),
  last_active_at: z.string().nullable(),
});

export const findStudentsTool = tool({
  name: "find_students",
  title: "Find students",
  description:
    "Students by how their pseudonym begins (of an identified server also by id, username or a part of the name) " +
    "and by course, in a fixed order, page by page.",
  input: z.strictObject({
    query: z.string().optional().describe("how the pseudonym begins; of an identified server also id, username, name"),
    course: shapes.courseInput,
    limit: z.int().min(1).max(200).default(20),
    cursor: z.string().optional().describe("the cursor of the page before"),
  }),
  output: z.strictObject({
    students: z.array(foundStudent),
    found: z.int().describe("on all pages together"),
    cursor: z.string().nullable().describe("for the next page; null: this is the last"),
  }),
  run: async (view, { query, course, limit, cursor }) => {
    const { sql, source, identified, students } = view;
    const of = course === undefined ? null : courseOf(course, await seenCourses(view));
    if (cursor !== undefined && !isPseudonym(cursor)) throw noCursor(cursor);
    const start = query === undefined ? "" : bare(query);
    const rows = [
      ...await findStudents(sql, source, {
        students: students === null ? null : [...students],
        start: start === "" ? null : start.replace(/[\\%_]/g, "\\$&"),
        identified,
        course: of?.course_id ?? null,
        after: cursor ?? null,
        limit: limit + 1,
      }),
    ];
    const page = rows.slice(0, limit);
    const mark = (text: string | null) => identified && text !== null ? quoted(text) : null;
    return {
      data: {
        students: page.map((row) => ({
          student: view.called("student", row.id),
          id: identified ? view.keyOf(row.id) : null,
          username: mark(row.username),
          name: mark(row.name),
          active: row.active,
          events: row.events,
          last_active_at: row.last_at === null ? null : formatUtc(fromInstant(row.last_at)),
        })),
        found: rows[0]?.found ?? 0,
        cursor: rows.length > limit ? page.at(-1)?.pseudonym ?? null : null,
      },
    };
  },
});

const noCursor = (cursor: string) =>
  new UsageError(`Cannot go on at ${JSON.stringify(cursor.slice(0, 60))}: it is no cursor`, {
    hint: "give the cursor of an earlier answer, or none",
  });

const historyItem = z.looseObject({
  kind: z.enum(["exam", "content", "week"]),
  title: shapes.lmsText.nullable().optional(),
  course: shapes.lmsText.nullable().optional(),
});

const SHORT = 200;

export const studentHistoryTool = tool({
  name: "student_history",
  title: "One student's history",
  description:
    "What one student did, oldest first: the last four weeks event by event, older weeks summed up. Never over " +
    "max_tokens by an estimate (three letters a token), counted as JSON; what found no room is older, counted in " +
    "left_out, and the cursor goes on there.",
  input: z.strictObject({
    student: shapes.studentInput,
    since: z.string().optional().describe("only from then on: 30d (ago), 2026-11-20, or a time with its zone"),
    max_tokens: z.int().min(SHORT).max(100_000).default(4_000),
    cursor: z.string().optional().describe("only what is older: the cursor of an earlier answer"),
  }),
  output: z.strictObject({
    student: shapes.student,
    timezone: z.string(),
    left_out: z.int().describe("older events that found no room"),
    cursor: z.string().nullable(),
    items: z.array(historyItem),
  }),
  run: async (view, { student, since, max_tokens: most, cursor }) => {
    const id = await studentOf(view, student);
    const before = cursor === undefined ? null : placeOfCursor(cursor);
    if (cursor !== undefined && before === null) {
      throw noCursor(cursor);
    }
    const { sql, source, now, timezone } = view;
    const from = since === undefined ? null : parseTimePast("since", since, now, timezone);
    const called = view.called("student", id);
    // What is handed over is less than what the budget counts: a history as JSON has a word more around it.
    const history = await readHistory(sql, {
      ...{ source, student: id, called, since: from, before, now, timezone },
      format: "json",
      asData: marked,
      maxTokens: most,
    });
    const { leftOut, items } = history;
    return { data: { student: called, timezone, left_out: leftOut, cursor: history.cursor, items: items.map(ofKind) } };
  },
});

const ofKind = (item: Record<string, unknown>) => item as z.input<typeof historyItem>; // as `marked` made it

function marked(item: HistoryItem): z.input<typeof historyItem> {
  const { kind, title, course, ...rest } = itemJson(item);
  const mark = (text: unknown) => typeof text === "string" ? quoted(text) : null;
  if (kind === "week") return { kind, ...rest };
  return { kind: kind === "exam" ? "exam" : "content", title: mark(title), course: mark(course), ...rest };
}

export const studentInsightTool = tool({
  name: "student_insight",
  title: "Where one student stands",
  description: "A student's values, score, band and reasons in each course on a day, as `lmsmon insights` has them. " +
    "The resource lmsmon://definitions says what each value means.",
  input: z.strictObject({ student: shapes.studentInput, course: shapes.courseInput, at: shapes.atInput }),
  output: z.strictObject({
    student: shapes.student,
    at: z.string(),
    courses: z.array(shapes.insight).describe("none: the student belongs to no course on that day"),
    say_beside: z.string(),
  }),
  run: async (view, { student, course, at }) => {
    const id = await studentOf(view, student);
    const seen = await shapes.seenInsights({ ...view, students: new Set(maySee(view, id) ? [id] : []) }, at, course);
    return {
      data: {
        student: view.called("student", id),
        at: seen.day,
        courses: seen.insights.map((one) => shapes.insightAnswer(view, one, seen)),
        say_beside: SAY_BESIDE,
      },
    };
  },
});
