import { type ChaosRun, PATIENCE_MS, sleep, type StateChoice, until } from "./chaos_run.ts";
import { makePlace, type Place } from "./place.ts";
import type { Watcher } from "./watcher.ts";

const INTERVAL_MS = 2_000;
const WATCHERS = 3;
const LEADS = "Polling testpress";
const LOST = "Lost the lease";

/** Three watchers; the leader is killed or paused again and again. */
export async function severalScenario(run: ChaosRun, state: StateChoice, minutes: number): Promise<void> {
  await using place = await makePlace(run, { state, intervalMs: INTERVAL_MS, notify: "  digest_above: 4" });
  const random = run.random(`several ${state}`);
  const watchers: Watcher[] = [];
  const takeOvers: number[] = [];
  try {
    for (let i = 0; i < WATCHERS; i++) watchers.push(place.watch());
    if (!await until(() => leaderOf(watchers) !== null, PATIENCE_MS)) return run.fail("none of three watchers polls");
    place.load.start(12);
    const end = performance.now() + minutes * 60_000;
    for (let turn = 0; performance.now() < end || turn < 3; turn++) {
      await sleep(random.int(500, 4_000));
      await until(() => leaderOf(watchers) !== null, 2 * INTERVAL_MS, 10); // leading may pass from one to another just now
      const leader = leaderOf(watchers);
      if (leader === null) {
        run.fail("nobody polls");
        break;
      }
      const dead = watchers.find((watcher) => watcher.ended !== null);
      if (dead !== undefined) {
        run.fail(`watch ended by itself with ${dead.ended?.code}\n${dead.log.slice(-20).join("\n")}`);
        break;
      }
      // A stopped owner of an embedded state stops everybody: that is stated, not tested.
      const pause = state === "server" && turn % 3 === 1;
      const others = watchers.filter((watcher) => watcher !== leader);
      const at = performance.now();
      leader.signal(pause ? "SIGSTOP" : "SIGKILL");
      run.did(`several: ${pause ? "pause" : "kill"} leader ${leader.pid}`);
      const followed = await until(() => others.some((other) => other.lastAt(LEADS) > at), PATIENCE_MS, 10);
      const tookMs = Math.max(...others.map((other) => other.lastAt(LEADS))) - at;
      if (!followed) {
        run.fail(`nobody took over from ${leader.pid} within ${PATIENCE_MS / 1000} s`);
        break;
      }
      takeOvers.push(tookMs);
      run.did(`several: taken over after ${tookMs.toFixed(0)} ms`);
      run.tally.takeOvers++;
      if (tookMs > 2 * INTERVAL_MS) {
        run.fail(`the take-over took ${tookMs.toFixed(0)} ms, more than two intervals of ${INTERVAL_MS} ms`);
      }
      if (pause) {
        run.tally.pauses++;
        await sleep(random.int(0, 3_000));
        leader.signal("SIGCONT");
        run.did(`several: ${leader.pid} wakes up`);
        if (!await until(() => leader.lastAt(LOST) > at, PATIENCE_MS)) {
          run.fail(`a leader that woke up does not say that it lost its lease\n${leader.log.slice(-10).join("\n")}`);
        }
      } else {
        run.tally.kills++;
        await leader.end();
        watchers.splice(watchers.indexOf(leader), 1, place.watch());
      }
    }
    await place.load.stop();
    const longest = Math.max(0, ...takeOvers).toFixed(0);
    run.say(`  ${takeOvers.length} take-overs, the longest ${longest} ms at an interval of ${INTERVAL_MS} ms`);
    const last = leaderOf(watchers);
    if (last === null) return run.fail("nobody polls at the end");
    if (state === "server" && run.tally.pauses === 0) run.fail("no leader was paused");
    await place.settle({ running: last, quietMs: INTERVAL_MS + 1_000, oracle: { mayEnd: ["poison"] } });
    await onePollerAtATime(run, place);
  } finally {
    for (const watcher of watchers) await watcher[Symbol.asyncDispose]();
  }
}

function leaderOf(watchers: readonly Watcher[]): Watcher | null {
  const leading = watchers.filter((watcher) =>
    watcher.ended === null && watcher.lastAt(LEADS) > Math.max(watcher.lastAt(LOST), -1)
  );
  return leading.sort((a, b) => b.lastAt(LEADS) - a.lastAt(LEADS))[0] ?? null;
}

/** A poll never writes after a later one began to: what a leader that slept would do without fencing. */
async function onePollerAtATime(run: ChaosRun, place: Place): Promise<void> {
  await using db = await place.openState();
  const late = await db.sql<{ event_id: string; poll_id: string; later: string }[]>`
    select event_id::text, poll_id::text, later::text from (
      select e.event_id, e.poll_id, max(e.poll_id) over (order by e.event_id) as later
        from lmsmon.lms_activity_events e) as in_order
     where poll_id < later limit 5`;
  for (const row of late) {
    run.fail(`event ${row.event_id} was written by poll ${row.poll_id} after poll ${row.later} had begun to write`);
  }
}
