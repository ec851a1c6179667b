import assert from "node:assert/strict";
import { untoldNews } from "../../sql/state/waiting.ts";
import { serverTest, withState } from "../support/state/with_state.ts";

interface Plan {
  readonly "QUERY PLAN": string;
}

serverTest("a line of an export calls no function of ours where its keys are numbers: a call is 3 µs", async () => {
  await withState("server", async ({ sql }) => {
    const plan = async (line: string) => {
      const rows = await sql.unsafe<Plan[]>(`explain verbose select ${line} from lmsmon.export_v2`);
      return rows.map((row) => row["QUERY PLAN"]).join("\n");
    };
    for (const line of ["line", "identified_line"]) {
      const called = [...(await plan(line)).matchAll(/lmsmon\.(\w+)\(/g)].map(([, name]) => name);
      // What stands behind a condition that numbers do not meet.
      assert.deepEqual([...new Set(called)].sort(), ["key_of", "looked_up_keys", "pair_key"], line);
    }
  });
});

serverTest("what was never told is found without looking through all events", async () => {
  await withState("server", async ({ sql }) => {
    const plan = await sql.begin(async (tx) => {
      await tx`set local enable_seqscan = off`;
      return await tx<Plan[]>`explain ${untoldNews(tx, "testpress")}`;
    });
    assert.match(plan.map((row) => row["QUERY PLAN"]).join("\n"), /lms_activity_events_never_told/);
  });
});
