import type { BenchOptions } from "./options.ts";
import { type Spread, spread } from "./spread.ts";

/** What a line is to reach: a ratio to its yardstick, or a number of its own, to which the ratio is information only. */
export type Reach = { readonly atMost: number } | { readonly atLeast: number } | { readonly oursAtLeast: number };

/** One run of ours beside its yardstick, in the line's unit. */
export interface Pair {
  readonly ours: number;
  readonly theirs: number;
}

/** One line of the table, measured. */
export interface Line {
  readonly name: string;
  readonly what: string;
  readonly yardstick: string;
  readonly reach: Reach;
  readonly unit: "ms" | "MB" | "1/s" | "interval" | "plans";
  readonly ratio: Spread;
  readonly ours: Spread;
  readonly theirs: Spread;
  readonly passed: boolean;
  /** What a reader of the number must know: sizes used, what was proportional. */
  readonly note: string | null;
}

export interface Measure {
  readonly name: string;
  readonly about: string;
  run(bench: Bench): Promise<readonly Line[]>;
}

/** What measures share. */
export interface Bench {
  readonly options: BenchOptions;
  say(line: string): void;
}

export interface LineText {
  readonly name: string;
  readonly what: string;
  readonly yardstick: string;
  readonly reach: Reach;
  readonly unit: Line["unit"];
  readonly note?: string;
}

export function line(text: LineText, pairs: readonly Pair[]): Line {
  const ratio = spread(pairs.map(({ ours, theirs }) => ours / theirs));
  const ours = spread(pairs.map((pair) => pair.ours));
  return {
    ...text,
    note: text.note ?? null,
    ratio,
    ours,
    theirs: spread(pairs.map(({ theirs }) => theirs)),
    passed: reached(text.reach, ratio.median, ours.median),
  };
}

function reached(reach: Reach, ratio: number, ours: number): boolean {
  if ("oursAtLeast" in reach) return ours >= reach.oursAtLeast;
  return "atMost" in reach ? ratio <= reach.atMost : ratio >= reach.atLeast;
}

/**
 * Runs both sides by turns, the first one changing from run to run, so that what else the machine does hits both alike. One
 * pair more than asked for is run first and thrown away.
 */
export async function interleaved(
  bench: Bench,
  name: string,
  ours: (run: number) => Promise<number>,
  theirs: (run: number) => Promise<number>,
  { warmUp = true, runs = bench.options.runs }: { readonly warmUp?: boolean; readonly runs?: number } = {},
): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (let run = warmUp ? -1 : 0; run < runs; run++) {
    const pair = run % 2 === 0
      ? { ours: await ours(run), theirs: await theirs(run) }
      : reversed(await theirs(run), await ours(run));
    if (run < 0) continue;
    pairs.push(pair);
    bench.say(`  ${name} ${run + 1}/${runs}: ${(pair.ours / pair.theirs).toFixed(3)}x`);
  }
  return pairs;
}

const reversed = (theirs: number, ours: number): Pair => ({ ours, theirs });
