import Table from "cli-table3";
import type { Line, Reach } from "./measure.ts";
import type { Spread } from "./spread.ts";

const x = (value: number) => `${value < 0.1 ? value.toFixed(4) : value.toFixed(2)}x`;
const between = ({ min, max }: Spread) => `${x(min)} – ${x(max)}`;

const spreadText = ({ median, min, max }: Spread) => `${Math.round(median)} (${Math.round(min)} – ${Math.round(max)})`;

export function reachText(reach: Reach, unit: Line["unit"]): string {
  if ("oursAtLeast" in reach) return `>= ${reach.oursAtLeast} ${unit}`;
  return "atMost" in reach ? `<= ${reach.atMost}x` : `>= ${reach.atLeast}x`;
}

/**
 * The table for people. Times stand nowhere in it: a ratio means the same on another machine, a time does not. Only a line that is
 * to reach a number of its own shows that number.
 */
export function table(lines: readonly Line[]): string {
  const found = new Table({
    head: ["measure", "beside", "ratio", "min – max", "n", "reach", ""],
    style: { head: [], border: [] },
    colWidths: [44, 44, null, null, null, null, null],
    wordWrap: true,
  });
  for (const l of lines) {
    const number = "oursAtLeast" in l.reach ? `\n${spreadText(l.ours)} ${l.unit}` : "";
    const note = l.note === null ? "" : `\n(${l.note})`;
    found.push([
      `${l.name}\n${l.what}${number}${note}`,
      l.yardstick,
      x(l.ratio.median),
      between(l.ratio),
      String(l.ratio.n),
      reachText(l.reach, l.unit),
      l.passed ? "reached" : "NOT REACHED",
    ]);
  }
  return found.toString();
}

export interface Machine {
  readonly deno: string;
  readonly cores: number;
  readonly memoryGb: number;
  /** Load averages when the run began: other work on the machine shows here. */
  readonly load: readonly number[];
}

export function machine(): Machine {
  return {
    deno: Deno.version.deno,
    cores: navigator.hardwareConcurrency,
    memoryGb: Math.round(Deno.systemMemoryInfo().total / 2 ** 30),
    load: Deno.loadavg(),
  };
}
