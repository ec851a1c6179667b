import { type ChaosRun, PATIENCE_MS, sleep, type StateChoice } from "./chaos_run.ts";
import { makePlace } from "./place.ts";
import { Operator } from "./steer.ts";

/** Acts of somebody who steers, however short the run: without any it would show nothing. */
const LEAST_ACTS = 5;

/**
 * Real watch processes over a busy LMS, killed at random moments for `minutes`, `atLeast` so often; `steered`: while somebody pauses,
 * resumes, retries and reloads. Then one is left alone.
 */
export async function killScenario(
  run: ChaosRun,
  state: StateChoice,
  minutes: number,
  atLeast = 0,
  steered = false,
): Promise<void> {
  await using place = await makePlace(run, { state, notify: "  digest_above: 4" });
  const random = run.random(`kill ${state}`);
  run.say(
    `  ${place.load.material.from}; ${state} state, ${(minutes * 60).toFixed(0)} s of kills, at least ${atLeast}`,
  );
  // Kills within the first contact are in the sweep: here every kill hits somebody who has something to tell.
  await using first = place.watch();
  if (!await first.untilSays("First contact", PATIENCE_MS)) {
    return run.fail(`watch polls nothing\n${first.log.join("\n")}`);
  }
  await first.end("SIGKILL");
  place.load.start(15);
  const end = performance.now() + minutes * 60_000;
  const operator = await Operator.of(run, place, run.random(`operator ${state}`));
  let acts = 0;
  let kills = 0;
  let early = 0;
  while (performance.now() < end || kills < atLeast || steered && acts < LEAST_ACTS) {
    const watcher = place.watch();
    // One in four dies while it starts, the others at work.
    const inStart = random.chance(0.25);
    const delayMs = inStart ? random.int(50, 900) : random.int(100, 2200);
    if (!inStart) await watcher.untilSays("Polling testpress", PATIENCE_MS);
    await sleep(delayMs);
    if (watcher.ended !== null) {
      run.fail(`watch ended with ${watcher.ended.code} by itself\n${watcher.log.slice(-20).join("\n")}`);
      return;
    }
    const atWork = watcher.says("Polling testpress");
    if (steered && atWork) {
      await operator.act(watcher);
      acts++;
    }
    const { signal, code } = await watcher.end("SIGKILL");
    if (signal !== "SIGKILL") {
      return run.fail(`watch ended with ${code} by itself\n${watcher.log.slice(-20).join("\n")}`);
    }
    if (watcher.leaks.length > 0) run.fail("a secret stands in a log");
    kills++;
    if (!atWork) early++;
    run.did(
      `kill ${kills}: ${(performance.now() - watcher.startedMs).toFixed(0)} ms old, ${atWork ? "at work" : "starting"}`,
    );
  }
  await place.load.stop();
  if (steered) await operator.leave();
  run.tally.kills += kills;
  const counts = Object.entries(place.load.counts).map(([name, n]) => `${n} ${name}`).join(", ");
  const steering = steered ? `, ${acts} acts of steering` : "";
  run.say(`  ${kills} kills (${early} during start-up)${steering}; the writer did: ${counts}`);
  await place.settle({ oracle: { mayEnd: ["poison"] } });
}
