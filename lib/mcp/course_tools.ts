import { z } from "zod";
import type { Insight } from "../insights/insight.ts";
import { SAY_BESIDE } from "../insights/score.ts";
import * as shapes from "./insight_shapes.ts";
import { tool } from "./tool.ts";

const courseNumbers = z.strictObject({
  course: shapes.course,
  students: z.int().describe("those that may be seen"),
  scored: z.int(),
  quiet: z.int(),
  struggling: z.int(),
  high: z.int(),
  watch: z.int(),
  n_cohort: z.int().describe("the whole course, which ranks and medians are of"),
  has_due_dates: z.boolean().describe("false: missed and late work are not in the score"),
});

export const courseOverviewTool = tool({
  name: "course_overview",
  title: "Courses at a glance",
  description: "How many students of each course have gone quiet or struggle on a day. Names nobody.",
  input: z.strictObject({ course: shapes.courseInput, at: shapes.atInput }),
  output: z.strictObject({ at: z.string(), courses: z.array(courseNumbers), say_beside: z.string() }),
  run: async (view, { course, at }) => {
    const seen = await shapes.seenInsights(view, at, course);
    const groups = [...Map.groupBy(seen.insights, (one) => one.course)];
    return {
      data: {
        at: seen.day,
        courses: groups.map(([id, members]) => ({
          course: shapes.courseJson(view, id, seen.titleOf(id)),
          ...numbersOf(members),
        })),
        say_beside: SAY_BESIDE,
      },
    };
  },
});

function numbersOf(members: readonly Insight[]) {
  const count = (is: (one: Insight) => boolean) => members.filter(is).length;
  return {
    students: members.length,
    scored: count(({ band }) => band !== null),
    quiet: count(({ list }) => list === "quiet"),
    struggling: count(({ list }) => list === "struggling"),
    high: count(({ band }) => band === "high"),
    watch: count(({ band }) => band === "watch"),
    n_cohort: members[0]?.cohort ?? 0,
    has_due_dates: members.some(({ standing }) => standing.has_due_dates),
  };
}

export const atRiskTool = tool({
  name: "at_risk",
  title: "Who has gone quiet, who struggles",
  description: "The students of both lists, those first who are most likely to need a call, with two reasons each. " +
    "A reason to look, never a verdict.",
  input: z.strictObject({
    list: z.enum(["quiet", "struggling", "all"]).default("all"),
    course: shapes.courseInput,
    at: shapes.atInput,
    limit: z.int().min(1).max(200).default(20),
  }),
  output: z.strictObject({
    at: z.string(),
    students: z.array(shapes.insight),
    left_out: z.int().describe("further students of these lists"),
    unscored: z.int().describe("students of courses with too few for a score: nothing is said of them"),
    say_beside: z.string(),
  }),
  run: async (view, { list, course, at, limit }) => {
    const seen = await shapes.seenInsights(view, at, course);
    const named = seen.insights.filter((one) => one.list !== null && (list === "all" || one.list === list))
      .map((one) => shapes.insightAnswer(view, one, seen))
      .sort((a, b) => (b.p ?? 0) - (a.p ?? 0) || (a.student < b.student ? -1 : 1));
    return {
      data: {
        at: seen.day,
        students: named.slice(0, limit),
        left_out: Math.max(0, named.length - limit),
        unscored: seen.insights.filter(({ band }) => band === null).length,
        say_beside: SAY_BESIDE,
      },
    };
  },
});
