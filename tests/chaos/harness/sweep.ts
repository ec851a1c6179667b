import { FAIL_POINTS, type FailPoint } from "../../../lib/base/fail_point.ts";
import { openState } from "../../../lib/state/open_state.ts";
import { createServerDatabase } from "../../support/state/server_state.ts";
import { type ChaosRun, PATIENCE_MS, sleep, type StateChoice, until } from "./chaos_run.ts";
import { makePlace, type Place } from "./place.ts";
import { killDuringConsumerExport, killDuringErasure } from "./sweep_exports.ts";
import { runLmsmon, Watcher } from "./watcher.ts";

/** Points that are reached only in a certain situation; each has its own play below. */
const APART: readonly FailPoint[] = [
  "migrate.before_commit",
  "migrate.between",
  "poll.before_first_contact_done",
  "look_up.before_mark",
  "export.before_mark",
  "export.mid_mark",
  "export.before_rename",
  "export.before_ack",
  "privacy.before_commit",
  "privacy.after_commit",
];
export const WATCH_POINTS = FAIL_POINTS.filter((point) => !APART.includes(point));

/** Kills the program once at every named step of the write and send path, restarts it, and checks. */
export async function sweepScenario(run: ChaosRun, state: StateChoice): Promise<void> {
  if (state === "embedded") await killDuringCreation(run);
  // Each restart of an embedded state takes its second: there every point once.
  const killed = await sweep(run, state, WATCH_POINTS, state === "server" ? [1, 3] : [1]);
  const missed = FAIL_POINTS.filter((point) => !killed.has(point));
  if (missed.length > 0) run.fail(`never killed at ${missed.join(", ")}`);
  run.say(`  killed at each of ${FAIL_POINTS.length} steps`);
}

/** Resolves to the points at which a process was killed. */
export async function sweep(
  run: ChaosRun,
  state: StateChoice,
  points: readonly FailPoint[],
  nths: readonly number[],
): Promise<ReadonlySet<FailPoint>> {
  const killed = new Set<FailPoint>();
  await killDuringMigration(run, state, killed);
  await using place = await makePlace(run, { state, notify: "  digest_above: 4" });
  const killAt = (point: FailPoint, nth = 1) => killWatchAt(run, place, point, nth, killed);
  await killAt("record.before_commit"); // in the first contact
  await killAt("poll.before_first_contact_done");
  for (const point of points) {
    place.load.start(20);
    // The bot's past is read once at a start.
    const times = point.startsWith("reconcile.") ? [1] : nths;
    for (const nth of times) await killAt(point, nth);
    await place.load.stop();
    await place.settle({ onTheWay: true, quietMs: 0 });
  }
  await place.load.some(40);
  await killAt("send.after_post");
  await killAt("look_up.before_mark");
  await place.settle();
  await killDuringExport(run, place, killed);
  await killDuringConsumerExport(run, place, killed);
  await killDuringErasure(run, place, killed);
  return killed;
}

/** Runs the test build until it kills itself when it gets to `point` for the `nth` time. */
async function killWatchAt(
  run: ChaosRun,
  place: Place,
  point: FailPoint,
  nth: number,
  killed: Set<FailPoint>,
): Promise<void> {
  const watcher = place.watch({ failPoint: nth === 1 ? point : `${point}:${nth}` });
  await using _ = watcher;
  if (!await until(() => watcher.ended !== null, PATIENCE_MS)) return run.fail(`${point} was not reached`);
  const status = watcher.ended;
  if (status?.signal !== "SIGKILL") {
    return run.fail(`${point}: watch ended with ${status?.code}\n${watcher.log.slice(-10).join("\n")}`);
  }
  killed.add(point);
  run.tally.kills++;
  run.did(`killed at ${point}`);
}

/** Killed at random while the embedded database is being made: what is left hinders nobody, and is used or removed. */
async function killDuringCreation(run: ChaosRun): Promise<void> {
  const random = run.random("creation");
  const folder = await Deno.makeTempDir({ prefix: "lmsmon-chaos-" });
  try {
    const config = `${folder}/config.yaml`;
    await Deno.writeTextFile(config, `state: {url: "pglite:${folder}/state"}\n`);
    let torn = 0;
    for (let i = 0; i < 8; i++) {
      await using process = new Watcher("migrate", config);
      await sleep(random.int(200, 2_500));
      if (process.ended === null) torn++;
      await process.end("SIGKILL");
    }
    run.tally.kills += torn;
    if (torn === 0) run.fail("no creation of an embedded state was killed");
    const { code, log } = await runLmsmon("migrate", config);
    if (code !== 0) run.fail(`migrate in a torn directory ended with ${code}\n${log.join("\n")}`);
    const left = [...Deno.readDirSync(`${folder}/state`)].map(({ name }) => name).filter((name) =>
      /new|sock/.test(name)
    );
    if (left.length > 0) run.fail(`torn creations left ${left.join(", ")}`);
    run.did(`${torn} creations of an embedded state were killed`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function killDuringMigration(run: ChaosRun, state: StateChoice, killed: Set<FailPoint>): Promise<void> {
  const database = state === "server" ? await createServerDatabase(false) : null;
  const folder = await Deno.makeTempDir({ prefix: "lmsmon-chaos-" });
  try {
    const config = `${folder}/config.yaml`;
    const url = database?.url ?? `pglite:${folder}/state`;
    await Deno.writeTextFile(config, `state: {url: "${url}"}\n`);
    // A new embedded state begins with the template, which is migrated: this one is made without, and is there already.
    if (state === "embedded") await (await openState({ url, password: null }, { migrate: "skip" })).close();
    // In this order: what the first leaves undone the second does and then stops before the next migration.
    for (const point of ["migrate.before_commit", "migrate.between"] as const) {
      const { signal } = await runLmsmon("migrate", config, { failPoint: point });
      if (signal !== "SIGKILL") {
        run.fail(`${point} was not reached`);
        continue;
      }
      killed.add(point);
      run.tally.kills++;
    }
    const again = await runLmsmon("migrate", config);
    if (again.code !== 0) run.fail(`migrate after a kill ended with ${again.code}\n${again.log.join("\n")}`);
    const status = await runLmsmon("migrate", config, { args: ["--status"] });
    if (status.code !== 0) run.fail(`migrate --status says ${status.code}: ${status.out}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
    await database?.drop();
  }
}

/** An export that was killed before everything was marked gives the rest, and maybe more, again; never less. */
async function killDuringExport(run: ChaosRun, place: Place, killed: Set<FailPoint>): Promise<void> {
  const exported = new Set<number>();
  for (const point of ["export.before_mark", "export.mid_mark", undefined] as const) {
    const out = `${place.folder}/export-${point ?? "whole"}.jsonl`;
    const { code, signal, log } = await runLmsmon("export-ai", place.config, {
      ...(point !== undefined && { failPoint: point }),
      args: ["--unprocessed", "--mark-processed", "--out", out],
    });
    if (point !== undefined && signal !== "SIGKILL") run.fail(`${point} was not reached`);
    else if (point !== undefined) {
      killed.add(point);
      run.tally.kills++;
    }
    if (point === undefined && code !== 0) run.fail(`export-ai ended with ${code}\n${log.join("\n")}`);
    for (const line of (await Deno.readTextFile(out)).split("\n")) {
      if (line !== "") exported.add((JSON.parse(line) as { event_id: number }).event_id);
    }
  }
  const rest = await runLmsmon("export-ai", place.config, { args: ["--unprocessed"] });
  if (rest.out !== "") run.fail("export-ai left events unmarked");
  await using db = await place.openState();
  const [row] = await db.sql<{ n: number }[]>`select count(*)::int as n from lmsmon.lms_activity_events`;
  const missing = (row?.n ?? 0) - exported.size;
  if (missing !== 0) run.fail(`${missing} events are in no export`);
}
