import Table from "cli-table3";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { BenchOptions } from "./options.ts";
import { type Spread, spread } from "./spread.ts";

const HERE = fileURLToPath(new URL("../..", import.meta.url));

/** What each tree's own `bench/main.ts --json` prints, as far as it is compared. */
const resultShape = z.object({
  lines: z.array(z.object({
    name: z.string(),
    reach: z.record(z.string(), z.number()),
    unit: z.string(),
    ratio: z.object({ median: z.number() }),
    ours: z.object({ median: z.number() }),
  })),
  failed: z.array(z.string()),
});
type TreeLine = z.output<typeof resultShape>["lines"][number];

/** What both trees' turns gave, one number a turn. */
interface Compared {
  readonly old: Spread;
  readonly present: Spread;
  /** The present median lies outside of what the old tree's turns scattered over, on the bad side. */
  readonly worse: boolean;
}

/**
 * One line of the benchmarks in both trees. Where a yardstick changed with the tree (a hash pass is the same statement as lmsmon's own),
 * only what was measured itself can be compared: the turns lie beside each other on one machine.
 */
export interface ComparedLine {
  readonly name: string;
  readonly unit: string;
  readonly ours: Compared;
  readonly ratio: Compared;
}

/**
 * Runs the benchmarks of two source trees by turns, the first one changing from turn to turn, so that what else the machine does
 * hits both alike. Only lines that both have are compared. Throws when a turn could not be measured.
 */
export async function compareTrees(
  { options, old, say }: {
    readonly options: BenchOptions;
    readonly old: string;
    readonly say: (line: string) => void;
  },
): Promise<readonly ComparedLine[]> {
  const turns: { old: TreeLine[]; present: TreeLine[] }[] = [];
  for (let turn = 0; turn < options.times; turn++) {
    const found = { old: [] as TreeLine[], present: [] as TreeLine[] };
    const order = turn % 2 === 0 ? ["old", "present"] as const : ["present", "old"] as const;
    for (const tree of order) {
      say(`turn ${turn + 1}/${options.times}, ${tree} tree`);
      found[tree] = await runTree(tree === "old" ? old : HERE, options);
      for (const { name, ratio } of found[tree]) say(`  ${name}: ${ratio.median.toFixed(3)}x`);
    }
    turns.push(found);
  }
  const names = turns[0]?.present.map(({ name }) => name) ?? [];
  return names.flatMap((name) => {
    const of = (tree: "old" | "present") => turns.flatMap((turn) => turn[tree].filter((line) => line.name === name));
    const [before, after] = [of("old"), of("present")];
    const [first] = after;
    if (first === undefined || before.length === 0) return [];
    const moreIsBetter = "atLeast" in first.reach || "oursAtLeast" in first.reach;
    const compared = (number: (line: TreeLine) => number) =>
      compare(before.map(number), after.map(number), moreIsBetter);
    return [{
      name,
      unit: first.unit,
      ours: compared(({ ours }) => ours.median),
      ratio: compared(({ ratio }) => ratio.median),
    }];
  });
}

function compare(before: number[], after: number[], moreIsBetter: boolean): Compared {
  const [old, present] = [spread(before), spread(after)];
  return { old, present, worse: moreIsBetter ? present.median < old.min : present.median > old.max };
}

async function runTree(folder: string, options: BenchOptions): Promise<TreeLine[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    cwd: folder,
    args: [
      ...["run", "--no-prompt", "--no-check", "-A", "bench/main.ts", "--json", "--runs", String(options.runs)],
      ...["--size", String(options.rows), "--rows-large", String(options.rowsLarge)],
      ...(options.only === null ? [] : ["--only", options.only.join(",")]),
    ],
    stderr: "inherit",
  }).output();
  const { lines, failed } = resultShape.parse(JSON.parse(new TextDecoder().decode(stdout)));
  if (failed.length > 0) throw new Error(`${folder} could not measure ${failed.join(", ")}`);
  return lines;
}

/** The table for people: medians, and between what they lay; of the ratios beside, without a verdict. */
export function comparisonTable(lines: readonly ComparedLine[]): string {
  const short = (value: number) => value < 0.1 ? value.toFixed(4) : value < 100 ? value.toFixed(2) : value.toFixed(0);
  const text = ({ median, min, max }: Spread) => `${short(median)} (${short(min)} – ${short(max)})`;
  const head = ["measure", "unit", "old tree", "this tree", "", "ratio, old", "ratio, this"];
  const found = new Table({ head, style: { head: [], border: [] } });
  for (const { name, unit, ours, ratio } of lines) {
    const verdict = ours.worse ? "WORSE" : "";
    found.push([name, unit, text(ours.old), text(ours.present), verdict, text(ratio.old), text(ratio.present)]);
  }
  return found.toString();
}
