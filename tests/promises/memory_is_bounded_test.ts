import assert from "node:assert/strict";
import { makePlace, postgresServer } from "../commands/lmsmon_place.ts";
import { withPostgres } from "../support/databases.ts";
import { readProc } from "../support/read_proc.ts";

/** Peak resident megabytes of a first contact with so many rows. */
async function peakOf(rows: number): Promise<number> {
  await using place = await makePlace({ state: "server" });
  await place.pair();
  await place.lms.execute(
    `insert into attempts (id, user_id, state, result, score, percentage)
     select i, 1, 'Completed', 'Pass', i % 180, 50 from generate_series(1, ${rows}) i`,
  );
  await using watcher = place.home.start("watch", "--interval", "1s");
  // Memory is what is tested here, not speed: a first poll that a busy machine breaks off goes on in the next one, which counts its own.
  await watcher.said(/First contact: [\d,]+ events/, 300_000);
  const peak = /VmHWM:\s+(\d+) kB/.exec(await readProc(`/proc/${watcher.pid}/status`))?.[1];
  assert.equal((await watcher.stop()).code, 0);
  const [stored] = await withPostgres(
    place.stateUrl,
    (sql) => sql.unsafe("select count(*)::int as events from lmsmon.lms_activity_events"),
  );
  assert.equal(stored?.["events"], rows);
  return Number(peak) / 1024;
}

Deno.test({
  ignore: postgresServer === null,
  name: "P8: memory does not grow with the LMS: 360,000 rows take little more than 120,000",
}, async () => {
  const few = await peakOf(120_000);
  const many = await peakOf(360_000);
  assert.ok(many < few * 1.35, `${Math.round(few)} MB for 120,000 rows, ${Math.round(many)} MB for 360,000`);
});
