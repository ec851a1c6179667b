import { runChild, runLmsmon } from "../support/child.ts";
import { interleaved, line, type Measure } from "../support/measure.ts";

/** One start is over in some 50 ms: several make one sample. */
const STARTS = 10;

export const start: Measure = {
  name: "start",
  about: "--help beside deno eval",
  async run(bench) {
    const lines = [];
    for (const args of [["--help"], ["export-ai", "--help"]]) {
      const name = `start ${args.join(" ")}`;
      const many = async (one: () => Promise<{ readonly ms: number }>) => {
        let sum = 0;
        for (let i = 0; i < STARTS; i++) sum += (await one()).ms;
        return sum / STARTS;
      };
      const pairs = await interleaved(
        bench,
        name,
        () => many(() => runLmsmon(null, args)),
        () => many(() => runChild(Deno.execPath(), ["eval", ""])),
      );
      lines.push(line({
        name,
        what: `lmsmon ${args.join(" ")}`,
        yardstick: 'deno eval ""',
        reach: { atMost: 4 },
        unit: "ms",
      }, pairs));
    }
    return lines;
  },
};
