import { studentsOfMentor } from "../../sql/state/insight_names.ts";
import { findCourse } from "../insights/find_course.ts";
import { findPerson } from "../people/find_person.ts";
import { readConstants } from "../insights/constants_file.ts";
import { countStudents, type Insight } from "../insights/insight.ts";
import { CSV_COLUMNS, insightCells, insightJson } from "../insights/insight_json.ts";
import { asOf, readInsights } from "../insights/read_insights.ts";
import { INDICATORS, type ScoreConstants } from "../insights/score.ts";
import { unseenFinishes } from "../model/event_types.ts";
import { csvLine } from "../text/csv_line.ts";
import { counted } from "../text/counted.ts";
import type { StateDb } from "../state/state_db.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson } from "./command_json.ts";
import type { InsightsOptions } from "./command_options.ts";
import { showWeekly } from "./insights_weekly.ts";
import { hideErased } from "./keep_erased.ts";
import { OpenParts } from "./open_parts.ts";
import { ownKeyOutput } from "./state_key_store.ts";

/** `insights`: who has gone quiet and who struggles on a day, by what was known on it. */
export async function runInsights(context: CommandContext, options: InsightsOptions): Promise<void> {
  const { config, clock } = context;
  warnOfUnseen(context);
  const at = asOf(options.at, clock.now(), config.notify.timezone);
  const constants = await readConstants(config.insights?.constants ?? null);
  await using parts = new OpenParts(config);
  const db = await parts.state({ dryRun: true });
  await hideErased(context, db);
  await using out = ownKeyOutput(context.out, db);
  const source = config.source.name;
  const only = await narrowed(db, source, options);
  const all = await readInsights(db.sql, { source, at, course: only.course, constants, halves: db.mode === "server" });
  if (options.dryRun) return await showWeekly({ ...context, out }, db.sql, all, at, only.mentor);
  const shown = all.filter(({ student, list }) =>
    (only.students === null || only.students.has(student)) && (options.list === "all" || list === options.list)
  );
  const sorted = [...shown].sort((a, b) => Number(a.course) - Number(b.course) || (b.p ?? -1) - (a.p ?? -1));
  if (options.json || options.csv) {
    const lines = sorted.map((insight) => insightJson(insight, constants.version, at.day));
    if (options.json) return out.writeJson(commandJson("insights", { at: at.day, source, insights: lines }));
    out.writeRow(csvLine(CSV_COLUMNS));
    for (const line of lines) out.writeRow(csvLine(insightCells(line)));
    return;
  }
  if (options.explain !== null) {
    if (sorted.length === 0) return out.writeLine(`Nothing to explain: ${whyNothing(only, options, at.day)}`);
    return await explain({ ...context, out }, sorted, constants, at.day);
  }
  await printLists({ ...context, out }, sorted, options, at.day);
}

/** What `poll.event_types` leaves out was done all the same. */
export function warnOfUnseen({ config, log }: Pick<CommandContext, "config" | "log">): void {
  const unseen = unseenFinishes(config.poll.eventTypes);
  if (unseen.length === 0) return;
  log.warn("poll.event_types leaves out {unseen}: such exams are not stored, and count as not handed in", {
    unseen: unseen.join(", "),
  });
}

/** Which course and which students the flags leave; null: all. */
async function narrowed({ sql }: StateDb, source: string, { course, mentor, explain }: InsightsOptions) {
  const courseId = course === null ? null : (await findCourse(sql, source, course)).course_id;
  let students: Set<string> | null = null;
  const mentorId = mentor === null ? null : await findPerson(sql, source, "mentor", mentor);
  if (mentorId !== null) {
    students = new Set((await studentsOfMentor(sql, source, mentorId)).map(({ student_id }) => student_id));
  }
  if (explain !== null) {
    const id = await findPerson(sql, source, "student", explain);
    students = new Set(students === null || students.has(id) ? [id] : []);
  }
  return { course: courseId, students, mentor: mentorId };
}

/** Which of the flags leaves nothing of the student that --explain names. */
function whyNothing(
  { students }: Awaited<ReturnType<typeof narrowed>>,
  { course }: InsightsOptions,
  day: string,
): string {
  if (students?.size === 0) return "the student is not one of that mentor's";
  return `the student ${course === null ? "belongs to no course" : "does not belong to that course"} on ${day}`;
}

const LISTS = [["quiet", "Gone quiet"], ["struggling", "Here but struggling"]] as const;

async function printLists(
  { out }: CommandContext,
  insights: readonly Insight[],
  { list }: InsightsOptions,
  day: string,
): Promise<void> {
  for (const [name, title] of LISTS) {
    if (list !== "all" && list !== name) continue;
    const named = insights.filter((insight) => insight.list === name);
    out.writeLine(`${title} on ${day}: ${counted(countStudents(named), "student")}`);
    if (named.length > 0) {
      const rows = named.map(({ student, course, band, reasons }) => [student, course, band, reasons.join("; ")]);
      await out.table(["student", "course", "band", "why"], rows);
    }
    out.writeLine();
  }
  if (list !== "all") return;
  const courses = Map.groupBy(insights, ({ course }) => course);
  for (const [course, members] of courses) {
    const scored = members.filter(({ band }) => band !== null);
    const low = scored.filter(({ list }) => list === null).length;
    const few = members.length - scored.length;
    out.writeLine(
      few > 0
        ? `course ${course}: ${counted(few, "student")}, too few for a score`
        : `course ${course}: ${counted(low, "student")} on no list` + unsaid(members),
    );
  }
}

function unsaid(members: readonly Insight[]): string {
  return members.some(({ standing }) => standing.has_due_dates)
    ? ""
    : "; the LMS gives no due dates here, so missed and late work are not in the score";
}

async function explain(
  { out }: CommandContext,
  insights: readonly Insight[],
  constants: ScoreConstants,
  day: string,
): Promise<void> {
  for (const { student, course, band, list, z, p, values, medians, contributions, reasons, cohort } of insights) {
    out.writeLine(`student ${student} in course ${course} on ${day}, among ${counted(cohort, "student")}`);
    const text = (n: number | null) => n === null ? "the LMS does not say" : n.toFixed(4);
    await out.table(
      ["value", "student", "course median", "weight", "adds beyond the median"],
      INDICATORS.map((name) => [
        name,
        text(values[name]),
        text(medians[name]),
        constants.weights[name],
        contributions[name].toFixed(4),
      ]),
    );
    if (z === null || p === null) out.writeLine(reasons.join("; "));
    else {
      out.writeLine(`band ${band}, list ${list ?? "none"} (z ${z.toFixed(4)}, constants ${constants.version})`);
      for (const reason of reasons) out.writeLine(`- ${reason}`);
    }
    out.writeLine();
  }
}
