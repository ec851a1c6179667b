/**
 * A state that 0.1 made, killed in the middle of an outage with deliveries in every state, opened by this version; see
 * tests/chaos/harness/upgrade.ts. It needs the whole history of the repository.
 */
import assert from "node:assert/strict";
import { ChaosRun, type StateChoice } from "./harness/chaos_run.ts";
import { ReleasedVersion } from "./harness/released_version.ts";
import { UPGRADE_FROM, upgradeScenario } from "./harness/upgrade.ts";
import { realPostgres } from "../support/databases.ts";

const server = await realPostgres();
const required = Deno.env.get("LMSMON_TEST_REQUIRE") === "1";

async function isInThisClone(): Promise<boolean> {
  const version = await ReleasedVersion.of(UPGRADE_FROM);
  if (typeof version === "string") return false;
  await version[Symbol.asyncDispose]();
  return true;
}

function upgradeTest(state: StateChoice, seed: number, ignore: boolean): void {
  Deno.test({
    name: `P4: what a killed 0.1 left open in ${state} state is told once after the upgrade (chaos, seed ${seed})`,
    ignore,
    fn: async () => {
      const said: string[] = [];
      const run = new ChaosRun(seed, (line) => said.push(line));
      await upgradeScenario(run, state, UPGRADE_FROM);
      assert.deepEqual(run.failures, [], said.join("\n"));
      assert.deepEqual([run.tally.lost, run.tally.duplicated, run.tally.kills], [0, 0, 1], said.join("\n"));
    },
  });
}

const ignore = server === null || !required && !await isInThisClone();
upgradeTest("server", 18, ignore);
upgradeTest("embedded", 19, ignore);
