/**
 * `deno task bench`: every line of the table in docs/performance.md, each beside its yardstick in the same run, as a ratio.
 * Exit 1 when a line does not reach what it should.
 */
import { dropKept } from "./support/databases.ts";
import { measures } from "./measures/all.ts";
import type { Bench, Line } from "./support/measure.ts";
import { compareTrees, comparisonTable } from "./support/compare_trees.ts";
import { benchOptions, USAGE } from "./support/options.ts";
import { machine, table } from "./support/report.ts";
import { removeLmsServer, stopLmsServer } from "./support/lms_server.ts";

const encoder = new TextEncoder();
const print = (text: string) => Deno.stdout.writeSync(encoder.encode(`${text}\n`));
const say = (text: string) => Deno.stderr.writeSync(encoder.encode(`${text}\n`));

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    print(USAGE);
    return 0;
  }
  const options = benchOptions(args);
  if (options.list) {
    for (const { name, about } of measures) print(`${name.padEnd(20)} ${about}`);
    return 0;
  }
  if (options.drop) {
    await dropKept(say);
    await removeLmsServer();
    return 0;
  }
  const unknown = options.only?.filter((name) => !measures.some((measure) => measure.name === name)) ?? [];
  if (unknown.length > 0) throw new TypeError(`Cannot measure "${unknown.join(", ")}": see --list`);
  if (options.against !== null) {
    const compared = await compareTrees({ options, old: options.against, say });
    if (options.out !== null) await Deno.writeTextFile(options.out, JSON.stringify(compared, null, 2) + "\n");
    print(options.json ? JSON.stringify(compared, null, 2) : comparisonTable(compared));
    return compared.every(({ ours }) => !ours.worse) ? 0 : 1;
  }
  const bench: Bench = { options, say };
  const about = machine();
  const lines: Line[] = [];
  const failed: string[] = [];
  try {
    for (const measure of measures) {
      if (options.only !== null && !options.only.includes(measure.name)) continue;
      say(`${measure.name}: ${measure.about} (load ${Deno.loadavg().map((l) => l.toFixed(1)).join(" ")})`);
      try {
        const found = await measure.run(bench);
        lines.push(...found);
        for (const line of found) {
          say(`  ${line.name}: ${line.ratio.median.toFixed(3)}x ${line.passed ? "" : "NOT REACHED"}`);
        }
      } catch (error) {
        failed.push(measure.name);
        say(`  ${measure.name} could not be measured: ${error instanceof Error ? error.stack : error}`);
      }
    }
  } finally {
    await stopLmsServer();
  }
  const result = JSON.stringify({ machine: about, options, lines, failed }, null, 2);
  if (options.out !== null) await Deno.writeTextFile(options.out, result + "\n");
  if (options.json) print(result);
  else {
    print(table(lines));
    print(
      `Deno ${about.deno}, ${about.cores} cores, ${about.memoryGb} GB; load at the start ${
        about.load.map((l) => l.toFixed(1)).join(" ")
      }`,
    );
  }
  return failed.length === 0 && lines.every(({ passed }) => passed) ? 0 : 1;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    say(
      error instanceof TypeError ? `${error.message}\n${USAGE}` : String(error instanceof Error ? error.stack : error),
    );
    Deno.exit(2);
  }
}
