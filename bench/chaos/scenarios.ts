import { ChaosRun, type ChaosTally, type StateChoice } from "./chaos_run.ts";
import { hostileScenario } from "./hostile.ts";
import { killScenario } from "./kill.ts";
import { zulipScenario } from "./zulip_trouble.ts";
import { diskScenario, lmsScenario, standbyScenario, stateServerScenario } from "./database_trouble.ts";
import { movedScenario } from "./moved.ts";
import { outageScenario } from "./outage.ts";
import { severalScenario } from "./several.ts";
import { changedRows, longTitles, manyMentors, oneMentor } from "./size.ts";
import { sweepScenario } from "./sweep.ts";

export interface Scenario {
  readonly name: string;
  /** In a run without --scenario. */
  readonly byDefault: boolean;
  /** Share of the run's minutes, for scenarios that fill a time; others take what they take. */
  readonly share: number;
  readonly states: readonly StateChoice[] | "each";
  readonly play: (run: ChaosRun, state: StateChoice, minutes: number) => Promise<void>;
}

export const SCENARIOS: readonly Scenario[] = [
  { name: "sweep", byDefault: true, share: 0, states: "each", play: sweepScenario },
  { name: "kill", byDefault: true, share: 0.6, states: "each", play: killScenario },
  { name: "zulip", byDefault: true, share: 0.1, states: "each", play: zulipScenario },
  { name: "lms", byDefault: true, share: 0, states: "each", play: lmsScenario },
  { name: "several", byDefault: true, share: 0.15, states: "each", play: severalScenario },
  { name: "moved", byDefault: true, share: 0, states: "each", play: movedScenario },
  { name: "outage", byDefault: true, share: 0, states: ["server"], play: outageScenario },
  { name: "hostile", byDefault: true, share: 0, states: ["server"], play: hostileScenario },
  { name: "size.rows", byDefault: false, share: 0, states: "each", play: changedRows },
  { name: "size.mentor", byDefault: false, share: 0, states: "each", play: oneMentor },
  { name: "size.mentors", byDefault: false, share: 0, states: "each", play: manyMentors },
  { name: "size.titles", byDefault: false, share: 0, states: "each", play: longTitles },
  { name: "standby", byDefault: true, share: 0, states: ["server"], play: standbyScenario },
  { name: "state", byDefault: true, share: 0, states: ["server"], play: stateServerScenario },
  { name: "disk", byDefault: true, share: 0, states: ["embedded"], play: diskScenario },
];

export interface ChaosOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly states: readonly StateChoice[];
  readonly names: readonly string[];
  readonly say: (line: string) => void;
}

/** Plays scenarios one after the other and prints the tally. Never throws for what goes wrong in one. */
export async function runChaos(options: ChaosOptions): Promise<ChaosRun> {
  const run = new ChaosRun(options.seed, options.say);
  run.say(`chaos, seed ${options.seed}`);
  const chosen = SCENARIOS.filter(({ name }) => options.names.includes(name));
  const shares = chosen.reduce((sum, { share }) => sum + share, 0);
  for (const scenario of chosen) {
    const states = scenario.states === "each" ? options.states : scenario.states;
    for (const state of states) {
      run.say(`\n${scenario.name} (${state} state)`);
      run.in(scenario.name, state);
      const began = performance.now();
      const minutes = shares === 0 ? 0 : options.minutes * scenario.share / shares / states.length;
      try {
        await scenario.play(run, state, minutes);
      } catch (error) {
        run.fail(error instanceof Error ? error.stack ?? error.message : String(error));
      }
      run.say(`  took ${((performance.now() - began) / 1000).toFixed(0)} s`);
    }
  }
  report(run, options);
  return run;
}

function report(run: ChaosRun, options: ChaosOptions): void {
  run.say(`\nseed ${run.seed}, ${options.names.join(",")}`);
  const states = [...run.tallies.keys()];
  const line = (name: string, cells: readonly (string | number)[]) =>
    run.say(`  ${name.padEnd(12)}${cells.map((cell) => String(cell).padStart(12)).join("")}`);
  line("", [...states.map((state) => `${state} state`), "all"]);
  for (const name of Object.keys(run.tally) as (keyof ChaosTally)[]) {
    line(name, [...states.map((state) => run.tallies.get(state)?.[name] ?? 0), run.total(name)]);
  }
  for (const reason of run.skipped) run.say(`  skipped: ${reason}`);
  if (run.failures.length === 0) {
    run.say(`${run.total("lost")} lost, ${run.total("duplicated")} duplicated`);
    return;
  }
  run.say(`\nwhat it did last:`);
  for (const action of run.actions()) run.say(`  ${action}`);
  run.say(
    `\n${run.failures.length} FAILURES; replay with: deno task chaos --seed ${run.seed} --minutes ${options.minutes} ` +
      `--state ${options.states.length > 1 ? "both" : options.states[0]} --scenario ${options.names.join(",")}`,
  );
}
