import { openState } from "../../../lib/state/open_state.ts";
import { withPostgres } from "../../support/databases.ts";
import { type ChaosRun, sleep, type StateChoice, until } from "./chaos_run.ts";
import { startCluster } from "./cluster.ts";
import { makePlace, type Place } from "./place.ts";

/** Reads from a hot standby that replays what the primary writes, cancels queries and is restarted. */
export async function standbyScenario(run: ChaosRun, state: StateChoice): Promise<void> {
  const primary = await startCluster();
  if (typeof primary === "string") return run.skip("read replica", primary);
  await using _ = primary;
  const lms = await primary.createDatabase("lms");
  const standby = await primary.standby();
  await using place = await makePlace(run, { state, lmsServer: lms, lmsUrl: () => standby.urlOf("lms") });
  await using watcher = place.watch();
  if (!await watcher.untilSays("Polling testpress")) {
    return run.fail(`watch does not start on a standby\n${watcher.log}`);
  }
  place.load.start(12);
  await sleep(4_000);
  for (let i = 0; i < 3; i++) {
    // Cleaning up on the primary takes away what a query on the standby reads: recovery conflicts.
    await place.load.execute("vacuum full attempts").catch(() => {});
    await sleep(500);
  }
  run.did("standby: restart");
  await standby.stop("immediate");
  await sleep(2_500);
  await standby.start();
  await sleep(3_000);
  await place.load.stop();
  run.tally.faults += 4;
  await place.settle({ running: watcher });
  await watcher.end("SIGTERM");
}

/** The state server loses races, connections and its power; nothing is lost, nothing told twice. */
export async function stateServerScenario(run: ChaosRun): Promise<void> {
  const cluster = await startCluster();
  if (typeof cluster === "string") return run.skip("state server restarts", cluster);
  await using _ = cluster;
  const url = await cluster.createDatabase("state");
  await (await openState({ url, password: null }, { migrate: "auto" })).close();
  await using place = await makePlace(run, { state: "server", stateUrl: url, notify: "  digest_above: 4" });
  await using watcher = place.watch();
  await watcher.untilSays("Polling testpress");
  place.load.start(15);
  await losingRaces(run, place, url);
  for (let i = 0; i < 15; i++) {
    await withPostgres(url, (sql) =>
      sql.unsafe(`select pg_terminate_backend(pid) from pg_stat_activity
                   where datname = current_database() and pid <> pg_backend_pid()`));
    run.tally.faults++;
    await sleep(400);
  }
  for (const mode of ["immediate", "fast", "immediate"] as const) {
    await slowTransactions(url);
    if (!await until(() => insideTransaction(url), 20_000, 20)) run.fail("no transaction of the watch was under way");
    run.did(`state server: stop ${mode}`);
    run.tally.faults++;
    await cluster.stop(mode);
    await sleep(1_500);
    await cluster.start();
    await withPostgres(url, (sql) => sql.unsafe("drop schema chaos cascade"));
    const { events } = await place.consult();
    if (!await place.moves(events, 30_000)) run.fail(`no event came after the state server was stopped (${mode})`);
  }
  await place.load.stop();
  if (watcher.ended !== null) run.fail(`watch ended by itself\n${watcher.log.slice(-20).join("\n")}`);
  await place.settle({ running: watcher });
  await watcher.end("SIGTERM");
}

/** Transactions that record events take seconds, so that one can be caught in the middle. */
async function slowTransactions(url: string): Promise<void> {
  await withPostgres(url, (sql) =>
    sql.unsafe(`create schema chaos;
      create function chaos.slow() returns trigger language plpgsql as $$ begin perform pg_sleep(5); return null; end $$;
      create trigger chaos_slow after insert on lmsmon.lms_activity_events execute function chaos.slow()`));
}

async function insideTransaction(url: string): Promise<boolean> {
  const [row] = await withPostgres(url, (sql) =>
    sql.unsafe<{ n: number }[]>(
      `select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`,
    ));
  return (row?.n ?? 0) > 0;
}

/** Every few writes one transaction is told that it lost a deadlock or could not be serialized. */
async function losingRaces(run: ChaosRun, place: Place, url: string): Promise<void> {
  const tables = ["lms_activity_events", "lms_event_logs", "messages", "row_states", "recipients", "leases"];
  await withPostgres(url, async (sql) => {
    await sql.unsafe(`create schema chaos; create sequence chaos.turn;
      create function chaos.lose() returns trigger language plpgsql as $$
      declare turn bigint := nextval('chaos.turn');
      begin
        if turn % 7 = 0 then raise exception 'chaos: a lost race' using errcode = case when turn % 2 = 0 then '40001' else '40P01' end;
        end if;
        return null;
      end $$`);
    for (const table of tables) {
      await sql.unsafe(
        `create trigger chaos_lose after insert or update on lmsmon.${table} execute function chaos.lose()`,
      );
    }
  });
  await sleep(8_000);
  await withPostgres(url, async (sql) => {
    const [row] = await sql.unsafe<{ last_value: string }[]>("select last_value from chaos.turn");
    const lost = Math.floor(Number(row?.last_value ?? 0) / 7);
    if (lost < 4) run.fail(`only ${lost} transactions were told that they lost a race`);
    run.tally.faults += lost;
    run.did(`state server: ${lost} lost races`);
    await sql.unsafe("drop schema chaos cascade");
  });
  const { events } = await place.consult();
  if (!await place.moves(events, 30_000)) run.fail("no event came after the lost races");
}

/** A full disk and a read-only directory under an embedded state. */
export async function diskScenario(run: ChaosRun): Promise<void> {
  if (Deno.uid() !== 0) return run.skip("full disk", "mounting a small tmpfs needs root");
  const disk = await Deno.makeTempDir({ prefix: "lmsmon-chaos-disk-" });
  const mount = async (...args: string[]) =>
    (await new Deno.Command("mount", { args, stdout: "null", stderr: "null" }).output()).success;
  if (!await mount("-t", "tmpfs", "-o", "size=400m,mode=0700", "tmpfs", disk)) {
    await Deno.remove(disk);
    return run.skip("full disk", "no tmpfs can be mounted here");
  }
  try {
    await using place = await makePlace(run, { state: "embedded", stateFolder: disk });
    place.load.start(15);
    for (let i = 0; i < 3; i++) {
      await using watcher = place.watch();
      await watcher.untilSays("Polling testpress");
      await sleep(2_000);
      run.did("disk: full");
      run.tally.faults++;
      await fill(`${disk}/filler`);
      await place.load.some(300);
      await sleep(4_000);
      await Deno.remove(`${disk}/filler`);
      await sleep(i === 0 ? 4_000 : 500);
      // Whether it lived through that or gave up with an error: what it stored must be whole.
      if (watcher.ended !== null && watcher.ended.code !== 1) {
        run.fail(`a full disk ended watch with ${watcher.ended.code}`);
      }
      if (watcher.ended === null) await watcher.end(i === 1 ? "SIGTERM" : "SIGKILL");
    }
    await place.load.stop();
    await place.settle();
    run.tally.faults++;
    await mount("-o", "remount,ro", disk);
    await using refused = place.watch();
    const { code } = await refused.end();
    if (code !== 1 || !refused.log.some((line) => /read-only/.test(line))) {
      run.fail(`a read-only directory ends watch with ${code}\n${refused.log.join("\n")}`);
    }
    await mount("-o", "remount,rw", disk);
    await place.load.some(20);
    await place.settle({ onTheWay: true });
  } finally {
    await new Deno.Command("umount", { args: ["-l", disk], stdout: "null", stderr: "null" }).output();
    await Deno.remove(disk, { recursive: true });
  }
}

async function fill(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  for (const size of [1 << 20, 4096]) {
    const block = new Uint8Array(size);
    try {
      while (true) await file.write(block);
    } catch {
      // full
    }
  }
}
