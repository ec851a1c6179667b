import { parseArgs } from "node:util";

export interface BenchOptions {
  /** Names of measures; `null`: all. */
  readonly only: readonly string[] | null;
  readonly json: boolean;
  /** Where the JSON goes too; `null`: nowhere. */
  readonly out: string | null;
  /** Rows of the measures of a first poll and of exports; their tenth is the small size of the memory measures. */
  readonly rows: number;
  /** Rows of the LMS that rounds, load and plans run on. */
  readonly rowsLarge: number;
  readonly runs: number;
  /** Removes what earlier runs kept, and does nothing else. */
  readonly drop: boolean;
  readonly list: boolean;
  /** Another source tree of lmsmon, whose benchmarks are run by turns with this one's; `null`: none. */
  readonly against: string | null;
  /** How often each of the two trees is run. */
  readonly times: number;
}

export const USAGE = `deno task bench [options]
  --only A,B       only these measures (--list shows them)
  --list           the names of all measures
  --runs N         pairs of runs per line, default 5
  --size N         rows of first polls and exports, default 1000000
  --rows-large N   rows of the LMS that is watched, default 10000000
  --quick          --size 100000 --rows-large 1000000
  --json           the result as JSON on stdout, progress on stderr
  --out FILE       the JSON into a file as well
  --against DIR    this tree and the one in DIR by turns, and what became slower than DIR's own scatter
  --times N        turns of each tree with --against, default 5
  --drop           remove the databases that earlier runs kept (${"lmsmon_bench_*"}), then end`;

/** Throws TypeError for what is not understood. */
export function benchOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string" },
      list: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      out: { type: "string" },
      size: { type: "string" },
      "rows-large": { type: "string" },
      runs: { type: "string", default: "5" },
      quick: { type: "boolean", default: false },
      drop: { type: "boolean", default: false },
      against: { type: "string" },
      times: { type: "string", default: "5" },
    },
  });
  return {
    only: values.only?.split(",").map((name) => name.trim()) ?? null,
    list: values.list,
    json: values.json,
    out: values.out ?? null,
    rows: count("--size", values.size ?? (values.quick ? "100000" : "1000000")),
    rowsLarge: count("--rows-large", values["rows-large"] ?? (values.quick ? "1000000" : "10000000")),
    runs: count("--runs", values.runs),
    drop: values.drop,
    against: values.against ?? null,
    times: count("--times", values.times),
  };
}

function count(name: string, text: string): number {
  const value = Number(text.replaceAll("_", ""));
  if (!Number.isInteger(value) || value < 1) {
    throw new TypeError(`Cannot use ${name} "${text}": not a whole number above 0`);
  }
  return value;
}
