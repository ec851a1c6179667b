import assert from "node:assert/strict";
import { makeReplayTarget } from "../support/replay/make_target.ts";
import { ouladTerm } from "../support/replay/oulad_term.ts";
import { readOuladModule } from "../support/replay/read_oulad.ts";
import { replayTerm } from "../support/replay/replay_term.ts";
import { fromInstant } from "../../lib/model/time.ts";
import { realMariaDb, realPostgres } from "../support/databases.ts";
import { testData } from "../support/shared_data.ts";

const folder = await testData("oulad", "replays");
const dayZero = fromInstant(Temporal.Instant.from("2014-02-01T00:00:00Z"));

// Each database and each kind of state is met once.
for (
  const [lms, server, state] of [
    ["postgres", await realPostgres(), "postgres"],
    ["mariadb", await realMariaDb(), "embedded"],
  ] as const
) {
  Deno.test({
    name: `P1: every submission and content completion of OULAD's GGG becomes one event, from ${lms}`,
    ignore: folder === null || server === null,
    // The daemon is a process of its own.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const term = ouladTerm(await readOuladModule(folder ?? "", "GGG"), dayZero);
      await using target = await makeReplayTarget(lms, state);
      const counts = await replayTerm(term, target, { daysPerSecond: 0, say: () => {} });
      const { submissions, passed, failed, unmarked, contentFinished, contentWatched } = counts;
      assert.deepEqual({ submissions, passed, failed, unmarked, contentFinished, contentWatched }, { ...term.facts });
      assert.equal(counts.doubled, 0, "finishes reported twice");
      assert.equal(counts.markersDoubled, 0, "deliveries told twice");
      assert.deepEqual(Object.keys(counts.deliveries).filter((state) => state !== "finished_since"), ["sent"]);
      assert.equal(counts.markers, counts.deliveries["sent"], "each delivery is in Zulip once");
    },
  });
}
