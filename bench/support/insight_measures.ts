import { measure, type Measures, type Outcome } from "../../lib/insights/evaluation.ts";
import { newNames, top } from "../../lib/insights/measures.ts";
import { type Mention, nameOn } from "../../lib/insights/naming.ts";
import { asOf, readInsights } from "../../lib/insights/read_insights.ts";
import { DEFAULT_CONSTANTS } from "../../lib/insights/score.ts";
import { openState } from "../../lib/state/open_state.ts";
import { digits } from "./insight_tables.ts";
import { summarise } from "./naming_result.ts";
import { openCourse, type PlayedCourse } from "../../tests/support/insights/play_course.ts";
import type { OuladModule } from "../../tests/support/replay/read_oulad.ts";

/** A module that was played: what was said of its students on each day, and what became of them. */
export interface JudgedModule {
  readonly name: string;
  readonly days: ReadonlyMap<number, readonly Outcome[]>;
  /** The same weekly, for what is said week by week; empty unless asked for. */
  readonly weeks: ReadonlyMap<number, readonly Outcome[]>;
  readonly mentors: ReadonlyMap<string, readonly string[]>;
  readonly leftOn: ReadonlyMap<string, number>;
}

const WEEKS = Array.from({ length: 15 }, (_, i) => 28 + 7 * i);

export async function judgeModule(
  data: OuladModule,
  { days, weekly, keep }: {
    readonly days: readonly number[];
    readonly weekly: boolean;
    readonly keep: string | null;
  },
): Promise<JudgedModule> {
  await using stack = new AsyncDisposableStack();
  if (keep !== null) await keepConfig(keep);
  const db = keep === null ? null : stack.use(await openState({ url: `pglite:${keep}/state`, password: null }));
  const course = stack.use(await openCourse(data, db === null ? {} : { db }));
  const judged = new Map<number, readonly Outcome[]>(), weeks = new Map<number, readonly Outcome[]>();
  const wanted = [...new Set([...days, ...weekly ? WEEKS : []])].sort((a, b) => a - b);
  for (const day of wanted) {
    await course.playUntil(day);
    const outcomes = await judgeDay(course, data, day);
    if (days.includes(day)) judged.set(day, outcomes);
    if (weekly && WEEKS.includes(day)) weeks.set(day, outcomes);
  }
  return {
    name: `${data.module} ${data.presentation}`,
    days: judged,
    weeks,
    mentors: mentorsOf(weeks.get(WEEKS[0] ?? 0) ?? []),
    leftOn: new Map([...data.registrations].flatMap(([id, { left }]) => left === null ? [] : [[String(id), left]])),
  };
}

const GROUP = 20;

/** Twenty students a mentor, by their ids, of those who are there in the first week. */
function mentorsOf(outcomes: readonly Outcome[]): Map<string, readonly string[]> {
  const ids = outcomes.map(({ insight }) => insight.student).sort((a, b) => Number(a) - Number(b));
  return new Map(ids.map((id, i) => [id, [String(1 + Math.floor(i / GROUP))]]));
}

async function judgeDay(course: PlayedCourse, data: OuladModule, day: number): Promise<Outcome[]> {
  const now = Number(Temporal.Now.instant().epochNanoseconds / 1000n);
  const at = asOf(course.dateOf(day), now, "UTC");
  const request = { source: course.source, at, course: null, constants: DEFAULT_CONSTANTS };
  return (await readInsights(course.db.sql, request)).map((insight) => ({
    insight,
    failed: ["Fail", "Withdrawn"].includes(data.results.get(Number(insight.student)) ?? ""),
  }));
}

/** So that `lmsmon --config` can be asked about a state that is kept. */
async function keepConfig(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(
    `${folder}/config.yaml`,
    "lms: {url: postgres://nobody@localhost/nothing}\nstate: {url: pglite:./state}\nnotify: {timezone: UTC}\n",
  );
}

export function measuresOf(modules: readonly JudgedModule[], day: number): Measures {
  return measure(modules.flatMap((module) => module.days.get(day) ?? []));
}

/** The simulation of the naming policy, each module by itself and all together. */
export function namingOf(modules: readonly JudgedModule[]): string[] {
  const parts = modules.map((module) => {
    const said: Mention[] = [];
    const failed = new Map<string, boolean>();
    let mentorWeeks = 0;
    for (const [day, outcomes] of module.weeks) {
      for (const { insight: { student, course }, failed: did } of outcomes) failed.set(`${course}/${student}`, did);
      const mentorsOf = (student: string) => module.mentors.get(student) ?? [];
      mentorWeeks += new Set([...module.mentors.values()].flat()).size;
      said.push(...nameOn(day, outcomes.map(({ insight }) => insight), mentorsOf, said));
    }
    return { module, said, failed, mentorWeeks };
  });
  const line = (name: string, list: typeof parts) => {
    const prefixed = (module: JudgedModule, key: string) => `${module.name}:${key}`;
    const result = summarise(
      list.flatMap(({ module, said }) => said.map((m) => ({ ...m, course: prefixed(module, m.course) }))),
      new Map(list.flatMap(({ module, failed }) => [...failed].map(([key, did]) => [prefixed(module, key), did]))),
      (key) => {
        const part = list.find(({ module }) => key.startsWith(`${module.name}:`));
        return part?.module.leftOn.get(key.split("/").at(-1) ?? "") ?? null;
      },
      list.reduce((sum, { mentorWeeks }) => sum + mentorWeeks, 0),
    );
    return `${name.padEnd(12)} precision ${digits(result.precision, 3)} (of students ${
      digits(result.studentPrecision, 3)
    }), recall ${digits(result.recall, 3)}, ` +
      `${result.perMentorAndWeek.toFixed(2)} mentions a mentor and week, ${result.named} named, ` +
      `median ${result.leadDays ?? "-"} days before leaving`;
  };
  return [...parts.map((part) => line(part.module.name, [part])), ...parts.length > 1 ? [line("together", parts)] : []];
}

/** How much of each week's highest tenth is new. */
export function stabilityOf(modules: readonly JudgedModule[]): string[] {
  return modules.map(({ name, weeks }) => {
    let before: Set<string> | null = null;
    const shares: number[] = [];
    for (const outcomes of weeks.values()) {
      const scored = outcomes.flatMap(({ insight: { student, z } }): [string, number][] =>
        z === null ? [] : [[student, z]]
      );
      const now = top(new Map(scored), 0.1);
      const share = before === null ? null : newNames(before, now);
      if (share !== null) shares.push(share);
      before = now;
    }
    const mean = shares.length === 0 ? null : 100 * shares.reduce((sum, share) => sum + share, 0) / shares.length;
    return `${name.padEnd(12)} ${digits(mean, 1)} %`;
  });
}
