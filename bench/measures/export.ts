import { lmsmonArgs, runLmsmon, runShell } from "../support/child.ts";
import { ConfigFolder } from "../support/bench_config.ts";
import { type Bench, interleaved, type Line, line, type Measure } from "../support/measure.ts";
import { psql, quoted } from "../support/pipes.ts";
import { stateWithEvents } from "./first_poll.ts";

/** The same line by psql. CSV with marks that never occur, or COPY would double every backslash of the JSON. */
const EXPORT_SQL = "copy (select line from lmsmon.export_v2 order by event_id) to stdout " +
  "with (format csv, quote e'\\x01', delimiter e'\\x02')";

export const exportAi: Measure = {
  name: "export-ai",
  about: "export-ai beside psql COPY of the same line",
  async run(bench) {
    const { rows } = bench.options;
    const state = await stateWithEvents(bench, rows);
    await using config = await ConfigFolder.make({ lms: "postgres://postgres@127.0.0.1/nowhere", state });
    const command = [Deno.execPath(), ...lmsmonArgs(config.path, ["export-ai"])].map(quoted).join(" ");
    // Both into a pipe that only counts: what a reader does with lines is not part of the measure.
    const pairs = await interleaved(
      bench,
      "export-ai",
      async () => (await runShell(`${command} | wc -c`)).ms,
      async () => (await runShell(`${psql(state, EXPORT_SQL)} | wc -c`)).ms,
    );
    return [line({
      name: "export-ai",
      what: `export-ai of ${rows} events`,
      yardstick: "psql COPY (select the same line) TO STDOUT",
      reach: { atMost: 1.1 },
      unit: "ms",
    }, pairs)];
  },
};

export const exportLine: Measure = {
  name: "export-line",
  about: "the contract's line beside a bare row_to_json, both by psql",
  async run(bench: Bench) {
    const { rows } = bench.options;
    const state = await stateWithEvents(bench, rows);
    const bare = "copy (select row_to_json(e) from lmsmon.lms_activity_events e order by event_id) to stdout " +
      "with (format csv, quote e'\\x01', delimiter e'\\x02')";
    const pairs = await interleaved(
      bench,
      "export-line",
      async () => (await runShell(`${psql(state, EXPORT_SQL)} | wc -c`)).ms,
      async () => (await runShell(`${psql(state, bare)} | wc -c`)).ms,
    );
    return [line({
      name: "export-line",
      what: `the contract's line of ${rows} events, by psql`,
      yardstick: "row_to_json of the same table, by psql",
      reach: { atMost: 1.3 },
      unit: "ms",
    }, pairs)];
  },
};

const MOST_MB = 300;

/** Formats that lines are parsed for, and how many times as long as the lines themselves they may take. */
const FORMATS = { csv: 5, parquet: 15 } as const;

export const exportFormats: Measure = {
  name: "export-formats",
  about: "export-ai as CSV and as Parquet beside itself as JSON lines, and their peak memory",
  async run(bench) {
    const { rows } = bench.options;
    const state = await stateWithEvents(bench, rows);
    await using config = await ConfigFolder.make({ lms: "postgres://postgres@127.0.0.1/nowhere", state });
    const found: Line[] = [];
    for (const [format, atMost] of Object.entries(FORMATS)) {
      const peaks: number[] = [];
      const pairs = await interleaved(
        bench,
        format,
        async () => {
          const { ms, peakMb } = await runLmsmon(config.path, ["export-ai", "--format", format], true);
          peaks.push(peakMb);
          return ms;
        },
        async () => (await runLmsmon(config.path, ["export-ai"])).ms,
      );
      const what = `export-ai --format ${format} of ${rows} events`;
      found.push(
        line({ name: format, what, yardstick: "the same as JSON lines", reach: { atMost }, unit: "ms" }, pairs),
        line({
          name: `memory ${format}, bound`,
          what: `peak memory of ${what}`,
          yardstick: `${MOST_MB} MB`,
          reach: { atMost: 1 },
          unit: "MB",
        }, peaks.map((ours) => ({ ours, theirs: MOST_MB }))),
      );
    }
    return found;
  },
};
