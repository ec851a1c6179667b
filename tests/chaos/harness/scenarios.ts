import { ChaosRun, type ChaosTally, type StateChoice } from "./chaos_run.ts";
import { hostileScenario } from "./hostile.ts";
import { killScenario } from "./kill.ts";
import { zulipScenario } from "./zulip_trouble.ts";
import { failoverScenario } from "./failover.ts";
import { diskScenario, standbyScenario, stateServerScenario } from "./database_trouble.ts";
import { lmsScenario } from "./lms_trouble.ts";
import { movedScenario } from "./moved.ts";
import { outageScenario } from "./outage.ts";
import { severalScenario } from "./several.ts";
import { changedRows, longTitles, manyMentors, oneMentor } from "./size.ts";
import { sweepScenario } from "./sweep.ts";
import { UPGRADE_FROM, upgradeScenario } from "./upgrade.ts";

export interface Scenario {
  readonly name: string;
  /** In a run without --scenario. */
  readonly byDefault: boolean;
  /** Share of the time that is left for those that fill a time; 0: it takes what it takes. */
  readonly share: number;
  readonly states: readonly StateChoice[];
  readonly play: (run: ChaosRun, state: StateChoice, effort: Effort) => Promise<unknown>;
}

/** How much a scenario is to do. */
interface Effort {
  readonly minutes: number;
  /** However little time is left. */
  readonly kills: number;
  readonly failovers: number;
  /** The commit that states are upgraded from. */
  readonly from: string;
}

const EACH = ["server", "embedded"] as const;
const [SERVER, EMBEDDED] = [["server"], ["embedded"]] as const;

/** In this order: what takes its time comes first, what fills the rest of it comes last. */
export const SCENARIOS: readonly Scenario[] = [
  { name: "sweep", byDefault: true, share: 0, states: EACH, play: sweepScenario },
  { name: "lms", byDefault: true, share: 0, states: EACH, play: lmsScenario },
  { name: "moved", byDefault: true, share: 0, states: EACH, play: movedScenario },
  { name: "outage", byDefault: true, share: 0, states: SERVER, play: outageScenario },
  { name: "hostile", byDefault: true, share: 0, states: SERVER, play: hostileScenario },
  { name: "standby", byDefault: true, share: 0, states: SERVER, play: standbyScenario },
  { name: "state", byDefault: true, share: 0, states: SERVER, play: stateServerScenario },
  { name: "disk", byDefault: true, share: 0, states: EMBEDDED, play: diskScenario },
  {
    name: "upgrade",
    byDefault: true,
    share: 0,
    states: EACH,
    play: (run, state, { from }) => upgradeScenario(run, state, from),
  },
  { name: "size.rows", byDefault: false, share: 0, states: EACH, play: changedRows },
  { name: "size.mentor", byDefault: false, share: 0, states: EACH, play: oneMentor },
  { name: "size.mentors", byDefault: false, share: 0, states: EACH, play: manyMentors },
  { name: "size.titles", byDefault: false, share: 0, states: EACH, play: longTitles },
  {
    name: "zulip",
    byDefault: true,
    share: 0.1,
    states: EACH,
    play: (run, state, { minutes }) => zulipScenario(run, state, minutes),
  },
  {
    name: "failover",
    byDefault: true,
    share: 0.2,
    states: EACH,
    play: (run, state, { minutes, failovers }) => failoverScenario(run, state, minutes, failovers),
  },
  {
    name: "several",
    byDefault: true,
    share: 0.15,
    states: EACH,
    play: (run, state, { minutes }) => severalScenario(run, state, minutes),
  },
  {
    name: "steer",
    byDefault: true,
    share: 0.15,
    states: EACH,
    play: (run, state, { minutes }) => killScenario(run, state, minutes, 0, true),
  },
  {
    name: "kill",
    byDefault: true,
    share: 0.75,
    states: EACH,
    play: (run, state, { minutes, kills }) => killScenario(run, state, minutes, kills),
  },
];

/** However little time is left: kills a minute of the run, which makes 300 of a run of 20 minutes, with those of the sweep. */
const KILLS_A_MINUTE = 13;
/** And failovers of each kind of state: 20 of a run of 20 minutes, and one more. */
const FAILOVERS_A_MINUTE = 1.05;

export interface ChaosOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly states: readonly StateChoice[];
  readonly names: readonly string[];
  /** The commit that states are upgraded from; default the last release. */
  readonly from?: string;
  readonly say: (line: string) => void;
}

/** Plays scenarios one after the other and prints the tally. Never throws for what goes wrong in one. */
export async function runChaos(options: ChaosOptions): Promise<ChaosRun> {
  const run = new ChaosRun(options.seed, options.say);
  run.say(`chaos, seed ${options.seed}`);
  const beganMs = performance.now();
  const parts = SCENARIOS.filter(({ name }) => options.names.includes(name)).flatMap((scenario) =>
    scenario.states.filter((state) => options.states.includes(state)).map((state) => ({ scenario, state }))
  );
  let shares = parts.reduce((sum, { scenario }) => sum + scenario.share, 0);
  for (const { scenario, state } of parts) {
    run.say(`\n${scenario.name} (${state} state)`);
    run.in(scenario.name, state);
    const began = performance.now();
    const left = Math.max(0, options.minutes - (began - beganMs) / 60_000);
    const minutes = scenario.share === 0 ? 0 : left * scenario.share / shares;
    shares -= scenario.share;
    try {
      await scenario.play(run, state, {
        minutes,
        kills: Math.ceil(KILLS_A_MINUTE * options.minutes / options.states.length),
        failovers: Math.ceil(FAILOVERS_A_MINUTE * options.minutes),
        from: options.from ?? UPGRADE_FROM,
      });
    } catch (error) {
      run.fail(error instanceof Error ? error.stack ?? error.message : String(error));
    }
    run.say(`  took ${((performance.now() - began) / 1000).toFixed(0)} s`);
  }
  report(run, options);
  return run;
}

function report(run: ChaosRun, options: ChaosOptions): void {
  run.say(`\nseed ${run.seed}, ${options.names.join(",")}`);
  const states = [...run.tallies.keys()];
  const line = (name: string, cells: readonly (string | number)[]) =>
    run.say(`  ${name.padEnd(20)}${cells.map((cell) => String(cell).padStart(16)).join("")}`);
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
