import { leavers } from "../../sql/state/insight_names.ts";
import { UsageError } from "../base/errors.ts";
import { ioProblem } from "../config/config_file.ts";
import { formatUtc } from "../model/time.ts";
import { readConstants } from "../insights/constants_file.ts";
import type { Outcome } from "../insights/evaluation.ts";
import type { Insight } from "../insights/insight.ts";
import { type Outcomes, readOutcomes } from "../insights/outcomes.ts";
import { asOf, readInsights } from "../insights/read_insights.ts";
import type { ScoreConstants } from "../insights/score.ts";
import type { StateDb } from "../state/state_db.ts";
import type { CommandContext } from "./command_context.ts";
import type { OutcomesOptions } from "./command_options.ts";

/** Insights of some days beside what became of the students. */
export interface JudgedDays {
  readonly outcomes: Outcomes;
  readonly constants: ScoreConstants;
  /** By ISO date. */
  readonly days: ReadonlyMap<string, readonly Outcome[]>;
}

const HINT = "give a CSV file with the columns student,course,outcome";

/** Reads the outcomes and judges their students on the days that are asked for. */
export async function judgeDays(
  { config, clock }: CommandContext,
  db: StateDb,
  { outcomes: path, at }: Pick<OutcomesOptions, "outcomes" | "at">,
): Promise<JudgedDays> {
  const source = config.source.name;
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    throw new UsageError(`Cannot read outcomes from ${path}: ${ioProblem(cause)}`, { cause, hint: HINT });
  }
  const outcomes = await readOutcomes(db.sql, source, text, path);
  const constants = await readConstants(config.insights?.constants ?? null);
  const days = new Map<string, Outcome[]>();
  for (const day of at) {
    const moment = asOf(day, clock.now(), config.notify.timezone);
    const insights = await readInsights(db.sql, {
      source,
      at: moment,
      course: null,
      constants,
      halves: db.mode === "server",
    });
    days.set(
      moment.day,
      insights.flatMap((insight) => {
        const failed = outcomes.failed.get(`${insight.course}/${insight.student}`);
        return failed === undefined ? [] : [{ insight, failed }];
      }),
    );
  }
  return { outcomes, constants, days };
}

/** The insights of every seventh day from the first to the last of some dates, by day number from the first. */
export async function readWeeks(
  { config, clock }: CommandContext,
  db: StateDb,
  dates: readonly string[],
  constants: ScoreConstants,
): Promise<{ weeks: Map<number, Insight[]>; leftOn: (student: string, course: string) => number | null }> {
  const sorted = [...dates].sort();
  const first = Temporal.PlainDate.from(sorted[0] ?? "1970-01-01");
  const days = first.until(Temporal.PlainDate.from(sorted.at(-1) ?? "1970-01-01"), { largestUnit: "days" }).days;
  const weeks = new Map<number, Insight[]>();
  const { timezone } = config.notify;
  for (let day = 0; day <= days; day += 7) {
    const at = asOf(first.add({ days: day }).toString(), clock.now(), timezone);
    weeks.set(
      day,
      await readInsights(db.sql, {
        source: config.source.name,
        at,
        course: null,
        constants,
        halves: db.mode === "server",
      }),
    );
  }
  const left = new Map(
    (await leavers(db.sql, config.source.name, formatUtc(clock.now()))).map(({ student_id, course_id, left_at }) => [
      `${course_id ?? ""}/${student_id}`,
      first.until(left_at.toZonedDateTimeISO(timezone).toPlainDate(), { largestUnit: "days" }).days,
    ]),
  );
  return { weeks, leftOn: (student, course) => left.get(`${course}/${student}`) ?? left.get(`/${student}`) ?? null };
}
