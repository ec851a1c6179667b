import assert from "node:assert/strict";
import fc from "fast-check";
import { EmptyInstitute, type Step, steps } from "./interleaving.ts";
import { PLACES, withBench } from "./poll_bench.ts";

const [place] = PLACES;
const RUNS = 15;

Deno.test({
  name:
    "P1: any interleaving of LMS writes, polls and crashes gives the oracle's events [embedded LMS, server or embedded state]",
  fn: () =>
    withBench({ name: "", lms: null, state: place?.state ?? "embedded" }, {}, async (bench) => {
      await bench.firstContact();
      let firstId = 0;
      await fc.assert(
        fc.asyncProperty(steps, async (list: readonly Step[]) => {
          // Each run has its own thousand of ids in the same databases: making new ones is what takes time.
          const institute = new EmptyInstitute(bench, firstId += 10_000);
          for (const step of list) await institute.apply(step);
          await bench.poll({ mode: "full" });
          assert.deepEqual(await institute.stored(), institute.expected());
          assert.equal((await bench.poll({ mode: "full" })).tally.rowsRead, 0);
        }),
        { numRuns: RUNS },
      );
    }),
});
