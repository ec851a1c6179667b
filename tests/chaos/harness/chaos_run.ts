import { Random } from "../../../lib/demo/random.ts";

/** What a run counts; printed at its end. */
export interface ChaosTally {
  kills: number;
  pauses: number;
  /** Acts of an operator: pause, resume, retry, reload, SIGHUP. */
  steered: number;
  takeOvers: number;
  faults: number;
  /** The state's primary killed before its standby had got everything; on an embedded state its owner killed instead. */
  failovers: number;
  /** Row ids of the LMS used again for another student or activity, and rows of it that vanished. */
  reusedIds: number;
  vanished: number;
  /** Rows of the LMS that must have an event, and events found. */
  rows: number;
  events: number;
  /** Deliveries: (event, recipient) pairs. */
  deliveries: number;
  messages: number;
  /** Terminal without a message, with a reason. */
  ended: number;
  /** Events that only the dead primary knew, of what the LMS showed no more when its successor opened. */
  lostWithOldPrimary: number;
  /** How often nothing was sent until somebody said --take-over. */
  takeOversAsked: number;
  lost: number;
  duplicated: number;
}

export type StateChoice = "embedded" | "server";

const newTally = (): ChaosTally => ({
  kills: 0,
  pauses: 0,
  steered: 0,
  takeOvers: 0,
  faults: 0,
  failovers: 0,
  reusedIds: 0,
  vanished: 0,
  rows: 0,
  events: 0,
  deliveries: 0,
  messages: 0,
  ended: 0,
  lostWithOldPrimary: 0,
  takeOversAsked: 0,
  lost: 0,
  duplicated: 0,
});

/** One run of the harness: its seed, what it did, what it counted. All randomness comes from here. */
export class ChaosRun {
  /** What is counted now; each kind of state has its own. */
  tally: ChaosTally = newTally();
  readonly tallies = new Map<StateChoice, ChaosTally>();
  /** What proved wrong, in words. */
  readonly failures: string[] = [];
  /** Parts that could not run here, with the reason. */
  readonly skipped: string[] = [];
  readonly #actions: string[] = [];
  readonly #beganMs = performance.now();
  #prefix = "";

  constructor(readonly seed: number, readonly say: (line: string) => void) {}

  /** A generator of its own for each purpose, so that what one does not draw moves no other. */
  random(purpose: string): Random {
    let hash = this.seed >>> 0;
    for (const char of purpose) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0;
    return new Random(hash);
  }

  /** Notes an action: printed only when the run fails. */
  did(action: string): void {
    this.#actions.push(`${((performance.now() - this.#beganMs) / 1000).toFixed(3)} ${this.#prefix}${action}`);
    if (this.#actions.length > 20_000) this.#actions.splice(0, 5_000);
  }

  fail(problem: string): void {
    this.failures.push(`${this.#prefix}${problem}`);
    this.did(`FAILED: ${problem}`);
    this.say(`  FAILED: ${problem}`);
  }

  /** What a process said before something proved wrong: printed with the failure, and at once, for a long run forgets. */
  lastWords(words: string): void {
    this.say(`  ${words.replaceAll("\n", "\n    ")}`);
    for (const action of this.actions(40)) this.say(`    ${action}`);
  }

  /** Fails with the first few of a list of problems. */
  failAll(problems: readonly string[]): void {
    for (const problem of problems.slice(0, 10)) this.fail(problem);
    if (problems.length > 10) this.fail(`and ${problems.length - 10} more problems`);
  }

  skip(what: string, reason: string): void {
    this.skipped.push(`${what}: ${reason}`);
    this.say(`  skipped: ${what} (${reason})`);
  }

  in(scenario: string, state: StateChoice): void {
    this.#prefix = `${scenario} ${state}: `;
    this.tally = this.tallies.getOrInsertComputed(state, newTally);
  }

  /** Over all kinds of state. */
  total(name: keyof ChaosTally): number {
    return this.tallies.values().reduce((sum, tally) => sum + tally[name], 0);
  }

  actions(last = 400): readonly string[] {
    return this.#actions.slice(-last);
  }
}

/** For what must come: a machine that does other things too, ten times as slow, gets there. */
export const PATIENCE_MS = 180_000;

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, Math.max(0, ms)));

/** Waits until `test` holds; false when it does not within `timeoutMs`. */
export async function until(
  test: () => boolean | Promise<boolean>,
  timeoutMs: number,
  everyMs = 100,
): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  while (!await test()) {
    if (performance.now() > end) return false;
    await sleep(everyMs);
  }
  return true;
}
