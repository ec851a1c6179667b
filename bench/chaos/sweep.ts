import { FAIL_POINTS, type FailPoint } from "../../lib/ops/fail_point.ts";
import { createServerDatabase } from "../../tests/support/state/server_state.ts";
import { type ChaosRun, type StateChoice, until } from "./chaos_run.ts";
import { makePlace, type Place } from "./place.ts";
import { runLmsmon } from "./watcher.ts";

/** Points that are reached only in a certain situation; each has its own play below. */
const APART: readonly FailPoint[] = [
  "migrate.before_commit",
  "migrate.between",
  "poll.before_first_contact_done",
  "look_up.before_mark",
  "export.before_mark",
  "export.mid_mark",
];
export const WATCH_POINTS = FAIL_POINTS.filter((point) => !APART.includes(point));

/** Kills the program once at every named step of the write and send path, restarts it, and checks. */
export function sweepScenario(run: ChaosRun, state: StateChoice): Promise<void> {
  // Each restart of an embedded state takes its second: there every point once.
  return sweep(run, state, WATCH_POINTS, state === "server" ? [1, 3] : [1]);
}

export async function sweep(
  run: ChaosRun,
  state: StateChoice,
  points: readonly FailPoint[],
  nths: readonly number[],
): Promise<void> {
  await killDuringMigration(run, state);
  await using place = await makePlace(run, { state, notify: "  digest_above: 4" });
  await killAt(run, place, "record.before_commit"); // in the first contact
  await killAt(run, place, "poll.before_first_contact_done");
  for (const point of points) {
    place.load.start(20);
    // The bot's past is read once at a start.
    const times = point.startsWith("reconcile.") ? [1] : nths;
    for (const nth of times) await killAt(run, place, nth === 1 ? point : `${point}:${nth}`);
    await place.load.stop();
    await place.settle({ onTheWay: true, quietMs: 0 });
  }
  await place.load.some(40);
  await killAt(run, place, "send.after_post");
  await killAt(run, place, "look_up.before_mark");
  await place.settle();
  await killDuringExport(run, place);
}

/** Runs the test build until it kills itself at `point`. */
async function killAt(run: ChaosRun, place: Place, point: string): Promise<void> {
  const watcher = place.watch({ failPoint: point });
  await using _ = watcher;
  if (!await until(() => watcher.ended !== null, 30_000)) return run.fail(`${point} was not reached`);
  const status = watcher.ended;
  if (status?.signal !== "SIGKILL") {
    return run.fail(`${point}: watch ended with ${status?.code}\n${watcher.log.slice(-10).join("\n")}`);
  }
  run.tally.kills++;
  run.did(`killed at ${point}`);
}

async function killDuringMigration(run: ChaosRun, state: StateChoice): Promise<void> {
  const database = state === "server" ? await createServerDatabase(false) : null;
  const folder = await Deno.makeTempDir({ prefix: "lmsmon-chaos-" });
  try {
    const config = `${folder}/config.yaml`;
    await Deno.writeTextFile(config, `state: {url: "${database?.url ?? `pglite:${folder}/state`}"}\n`);
    for (const point of ["migrate.before_commit", "migrate.between"]) {
      const { signal } = await runLmsmon("migrate", config, { failPoint: point });
      // When nothing is left to migrate, the second point is not reached.
      if (signal !== "SIGKILL" && point === "migrate.before_commit") run.fail(`${point} was not reached`);
      if (signal === "SIGKILL") run.tally.kills++;
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
async function killDuringExport(run: ChaosRun, place: Place): Promise<void> {
  const exported = new Set<number>();
  for (const point of ["export.before_mark", "export.mid_mark", undefined]) {
    const out = `${place.folder}/export-${point ?? "whole"}.jsonl`;
    const { code, signal, log } = await runLmsmon("export-ai", place.config, {
      ...(point !== undefined && { failPoint: point }),
      args: ["--unprocessed", "--mark-processed", "--out", out],
    });
    if (point !== undefined && signal !== "SIGKILL") run.fail(`${point} was not reached`);
    if (point !== undefined) run.tally.kills++;
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
