import { type ChaosRun, sleep, until } from "./chaos_run.ts";
import { makePlace, type Place } from "./place.ts";
import type { Watcher } from "./watcher.ts";

/** Two watchers over one embedded state; whoever owns it is killed, again and again. */
export async function ownersKilled(run: ChaosRun, minutes: number, atLeast: number): Promise<void> {
  await using place = await makePlace(run, { state: "embedded", notify: "  digest_above: 4" });
  const random = run.random("owners");
  const watchers: Watcher[] = [];
  try {
    for (let i = 0; i < 2; i++) watchers.push(place.watch());
    for (const watcher of watchers) await watcher.untilSays("Poll");
    place.load.start(12);
    const end = performance.now() + minutes * 60_000;
    for (let round = 1; performance.now() < end || round <= atLeast; round++) {
      await sleep(random.int(500, 2_500));
      const dead = watchers.find((watcher) => watcher.ended !== null);
      if (dead !== undefined) {
        return run.fail(`watch ended by itself with ${dead.ended?.code}\n${dead.log.slice(-20).join("\n")}`);
      }
      const owner = await ownerOf(place, watchers);
      if (owner === undefined) return run.fail("nobody owns the embedded state");
      await owner.end("SIGKILL");
      run.tally.failovers++;
      run.tally.kills++;
      run.did(`owners: ${owner.pid} is killed`);
      if (!await until(async () => await ownerOf(place, watchers) !== undefined, 30_000, 50)) {
        return run.fail(`nobody followed owner ${owner.pid} within 30 s`);
      }
      if (watchers.some((watcher) => watcher.says("Cannot send"))) {
        return run.fail("--take-over is asked for, although an embedded state loses nothing with its owner");
      }
      watchers.splice(watchers.indexOf(owner), 1, place.watch());
    }
    await place.load.stop();
    const [last] = watchers;
    if (last !== undefined) await place.settle({ running: last, oracle: { mayEnd: ["poison"] } });
  } finally {
    for (const watcher of watchers) await watcher[Symbol.asyncDispose]();
  }
}

/** The one that holds the lock, by its own note; the note of a dead one says nothing. */
async function ownerOf(place: Place, watchers: readonly Watcher[]): Promise<Watcher | undefined> {
  const directory = place.stateUrl.slice("pglite:".length);
  const note = await Deno.readTextFile(`${directory}/lmsmon.lock`).catch(() => "");
  return watchers.find((watcher) => watcher.ended === null && note.includes(`"pid":${watcher.pid},`));
}
