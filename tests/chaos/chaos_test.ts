/**
 * A short run of the chaos harness (`deno task chaos` is the long one): real processes, real databases, fixed seeds. Every
 * scenario compares what lmsmon stored and told with an oracle; see docs/guarantees.md.
 */
import assert from "node:assert/strict";
import { ChaosRun } from "./harness/chaos_run.ts";
import { failoverScenario } from "./harness/failover.ts";
import { killScenario } from "./harness/kill.ts";
import { severalScenario } from "./harness/several.ts";
import { sweep } from "./harness/sweep.ts";
import { brieflyTroubledZulip } from "./harness/zulip_trouble.ts";
import { realPostgres } from "../support/databases.ts";

const server = await realPostgres();

function chaosTest(name: string, seed: number, play: (run: ChaosRun) => Promise<void>): void {
  Deno.test({
    name: `${name} (chaos, seed ${seed})`,
    ignore: server === null,
    fn: async () => {
      const said: string[] = [];
      const run = new ChaosRun(seed, (line) => said.push(line));
      await play(run);
      const story = () => [...said, ...run.actions(100)].join("\n");
      assert.deepEqual(run.failures, [], story());
      assert.deepEqual([run.tally.lost, run.tally.duplicated], [0, 0], story());
    },
  });
}

chaosTest(
  "P1, P2, P4, P5: watch killed at random over a server state loses nothing and tells nothing twice",
  11,
  (run) => killScenario(run, "server", 7 / 60),
);

chaosTest(
  "P1, P2, P4, P5: watch killed at random over an embedded state loses nothing and tells nothing twice",
  12,
  (run) => killScenario(run, "embedded", 8 / 60),
);

chaosTest(
  "P2, P4, P5, P10: watch killed before and after a commit, after composing and after a POST goes on where it was",
  13,
  async (run) =>
    void await sweep(run, "server", [
      "record.before_commit",
      "record.after_commit",
      "compose.after_commit",
      "send.after_post",
    ], [
      1,
    ]),
);

chaosTest(
  "P4, P5: every way in which Zulip can fail costs no message and doubles none",
  14,
  (run) => brieflyTroubledZulip(run, "server"),
);

chaosTest(
  "P1: of three watchers one polls; a dead or paused leader is replaced within two intervals and then writes nothing",
  15,
  (run) => severalScenario(run, "server", 0),
);

chaosTest(
  "P1, P4, P5: a state whose primary dies with what its standby had not got finds it again and tells nothing twice",
  18, // of an LMS that stands still, where nothing but the loss says that a pass is due
  async (run) => {
    await failoverScenario(run, "server", 0, 1);
    if (run.skipped.length === 0) {
      assert.ok(run.tally.failovers === 1 && run.tally.reusedIds > 0 && run.tally.vanished > 0);
    }
  },
);
