import { runLmsmon } from "../support/child.ts";
import { ConfigFolder } from "../support/bench_config.ts";
import { benchLms } from "../support/databases.ts";
import { type Bench, type Line, line, type Measure } from "../support/measure.ts";
import { spread } from "../support/spread.ts";
import { emptyState, firstPoll, stateWithEvents } from "./first_poll.ts";

const MOST_MB = 250;

export const memory: Measure = {
  name: "memory",
  about: "peak memory (VmHWM) of export-ai and of a first poll, large beside small",
  async run(bench) {
    const { rows, runs } = bench.options;
    const small = Math.max(1, Math.round(rows / 10));
    const ofExport: { ours: number; theirs: number }[] = [];
    const ofPoll: { ours: number; theirs: number }[] = [];
    for (let run = 0; run < runs; run++) {
      ofExport.push({ ours: await exportPeak(bench, rows), theirs: await exportPeak(bench, small) });
      ofPoll.push({ ours: await pollPeak(bench, rows), theirs: await pollPeak(bench, small) });
      bench.say(`  memory ${run + 1}/${runs}`);
    }
    return [...lines("export-ai", rows, small, ofExport), ...lines("first poll", rows, small, ofPoll)];
  },
};

/** Two lines: beside its own small size, and beside the bound. */
function lines(what: string, rows: number, small: number, pairs: readonly { ours: number; theirs: number }[]): Line[] {
  const name = `memory ${what}`;
  const bound = pairs.map(({ ours }) => ({ ours, theirs: MOST_MB }));
  return [
    line({
      name,
      what: `peak memory of ${what} at ${rows}`,
      yardstick: `itself at ${small} (${Math.round(spread(pairs.map((p) => p.theirs)).median)} MB)`,
      reach: { atMost: 1.15 },
      unit: "MB",
    }, pairs),
    line({
      name: `${name}, bound`,
      what: `peak memory of ${what} at ${rows}`,
      yardstick: `${MOST_MB} MB`,
      reach: { atMost: 1 },
      unit: "MB",
    }, bound),
  ];
}

async function exportPeak(bench: Bench, rows: number): Promise<number> {
  const state = await stateWithEvents(bench, rows);
  await using config = await ConfigFolder.make({ lms: "postgres://postgres@127.0.0.1/nowhere", state });
  return (await runLmsmon(config.path, ["export-ai"], true)).peakMb;
}

async function pollPeak(bench: Bench, rows: number): Promise<number> {
  const lms = await benchLms("postgres", { attempts: rows, contentAttempts: 0, open: false }, bench.say);
  return (await firstPoll(lms, await emptyState("first_poll"))).peakMb;
}
