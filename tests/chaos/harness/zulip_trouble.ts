import { FAULT_KINDS, type FaultKind } from "../../support/stand_in/faults.ts";
import { type ChaosRun, PATIENCE_MS, sleep, type StateChoice, until } from "./chaos_run.ts";
import { makePlace, type Place } from "./place.ts";
import { vanishing } from "./vanishing.ts";
import type { Watcher } from "./watcher.ts";

/** Everything a Zulip or a proxy before it does wrong with a POST; of a refused key, delivery would pause. */
const SENDS: readonly FaultKind[] = FAULT_KINDS.filter((kind) => kind !== "401");
/** And with a question. */
const READS: readonly FaultKind[] = [
  "429",
  "502_html",
  "503_html",
  "reset_before_commit",
  "truncated_json",
  "not_json",
];

/** LMS ids of mentors whose accounts are switched off in the middle. */
const DEACTIVATED = [5, 6];

/** A Zulip that fails in every way it can, while events come in and watchers die. */
export async function zulipScenario(run: ChaosRun, state: StateChoice, minutes: number): Promise<void> {
  const clock = { aheadMs: 0 };
  await using place = await makePlace(run, {
    state,
    notify: "  digest_above: 4",
    zulip: "request_timeout: 1s, settle: 2s",
    nowMs: () => Temporal.Now.instant().epochMilliseconds + clock.aheadMs,
  });
  const random = run.random(`zulip ${state}`);
  place.load.start(12);
  let watcher = place.watch();
  try {
    await watcher.untilSays("Polling testpress");
    const end = performance.now() + minutes * 60_000;
    const phases = [
      ...[mixedSends, eachOnce, vanishing, troubledReads, gone, keyRotated],
      ...[deactivated, clockSet, mixedSends, restarted],
    ];
    for (let i = 0; i < phases.length || performance.now() < end; i++) {
      const phase = phases[i % phases.length] ?? mixedSends;
      run.did(`zulip: ${phase.name}`);
      await phase({ run, place, random: random.int(0, 2 ** 31), watcher, clock });
      place.zulip.clearFaults();
      if (watcher.ended !== null) {
        run.fail(`watch ended by itself with ${watcher.ended.code}\n${watcher.log.slice(-20).join("\n")}`);
        break;
      }
      if (random.chance(0.5)) {
        await watcher.end("SIGKILL");
        run.tally.kills++;
        run.did("zulip: kill");
        watcher = place.watch();
      }
    }
    await place.load.stop();
    const faults = Object.entries(place.zulip.faults.counts);
    run.tally.faults += faults.reduce((sum, [, n]) => sum + n, 0);
    run.say(`  faults: ${faults.map(([kind, n]) => `${n} ${kind}`).join(", ")}`);
    await place.settle({
      running: watcher,
      timeoutMs: 240_000,
      stallMs: 70_000, // a recipient's second try comes after half a minute, a probe after one
      oracle: { mayEnd: ["poison"], mayEndFor: new Map(DEACTIVATED.map((id) => [id, ["no_account", "refused"]])) },
    });
  } finally {
    await watcher[Symbol.asyncDispose]();
  }
}

/** Every kind of fault once, a server that restarts and a key that changes; for the tests. */
export async function brieflyTroubledZulip(run: ChaosRun, state: StateChoice): Promise<void> {
  await using place = await makePlace(run, {
    state,
    notify: "  digest_above: 4",
    zulip: "request_timeout: 1s, settle: 2s",
  });
  await using watcher = place.watch();
  await watcher.untilSays("Polling testpress");
  place.load.start(12);
  const phase = { run, place, random: 1, watcher, clock: { aheadMs: 0 } };
  for (const play of [eachOnce, restarted, keyRotated]) await play(phase);
  await place.load.stop();
  place.zulip.clearFaults();
  run.tally.faults += Object.values(place.zulip.faults.counts).reduce((sum, n) => sum + n, 0);
  await place.settle({ running: watcher, stallMs: 70_000 });
  await watcher.end("SIGTERM");
}

interface Phase {
  readonly run: ChaosRun;
  readonly place: Place;
  readonly random: number;
  readonly watcher: Watcher;
  /** Of Zulip's host. */
  readonly clock: { aheadMs: number };
}

async function mixedSends({ place, random }: Phase): Promise<void> {
  place.zulip.randomFaults({ seed: random, rate: 0.35, kinds: SENDS, retryAfterS: 0.35, delayMs: 1500 });
  await sleep(8_000);
}

/** Every kind, one after the other, each with a send that worked behind it, so that no pause grows and none is left to chance. */
async function eachOnce({ run, place: { zulip } }: Phase): Promise<void> {
  for (const kind of SENDS) {
    const [before, messages] = [zulip.faults.counts[kind] ?? 0, zulip.messages.length];
    zulip.fault({ kind, times: 1, retryAfterS: 0.7, delayMs: 1500 });
    // A fault that nothing runs into proves nothing.
    if (!await until(() => (zulip.faults.counts[kind] ?? 0) > before, PATIENCE_MS)) {
      run.fail(`nothing ran into ${kind}`);
    }
    await until(() => zulip.messages.length > messages + 1, PATIENCE_MS);
  }
}

async function troubledReads({ place: { zulip }, random }: Phase): Promise<void> {
  const lookUp = { method: "GET", path: "/api/v1/messages" };
  const before = zulip.faults.counts["500_after_commit"] ?? 0;
  zulip.fault({ kind: "500_after_commit", times: 3 });
  zulip.fault({ kind: "reset_after_commit", times: 3 });
  // Once a send is in doubt, what a watch does at its start is over: the next reading is a look-up.
  await until(() => (zulip.faults.counts["500_after_commit"] ?? 0) > before, 10_000);
  zulip.fault({ kind: "429", retryAfterS: 0.35, match: lookUp });
  zulip.randomFaults({ seed: random, rate: 0.4, kinds: READS, retryAfterS: 0.35, match: lookUp });
  await sleep(8_000);
}

/** Somebody sets the clock of Zulip's host, in both directions, between sends in doubt and their look-ups. */
async function clockSet({ place, clock }: Phase): Promise<void> {
  for (const minutes of [-50, 50, 0]) {
    place.zulip.fault({ kind: "500_after_commit", times: 2 });
    place.zulip.fault({ kind: "reset_after_commit", times: 2 });
    await sleep(1_500);
    clock.aheadMs = minutes * 60_000;
    await sleep(3_500);
  }
}

async function gone({ place }: Phase): Promise<void> {
  await place.zulip.stop();
  await sleep(4_000);
  place.zulip.restart();
  await sleep(3_000);
}

/** Stopped in the middle of requests: some were stored, some not, and nobody was told. */
async function restarted({ place }: Phase): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await sleep(700);
    await place.zulip.stop();
    place.zulip.restart();
  }
  await sleep(2_000);
}

/** The key is changed on the server; the zuliprc follows a little later. */
async function keyRotated({ place }: Phase): Promise<void> {
  place.zulip.rotateBotKey();
  await sleep(2_500);
  await Deno.writeTextFile(`${place.folder}/zuliprc`, place.zulip.zuliprc());
  await sleep(6_000);
}

async function deactivated({ place }: Phase): Promise<void> {
  for (const id of DEACTIVATED) {
    const email = place.load.material.mentors.find((mentor) => mentor.id === id)?.email;
    const user = [...place.zulip.realm.users.values()].find((user) => user.email === email);
    if (user !== undefined) user.isActive = false;
  }
  await sleep(3_000);
}
