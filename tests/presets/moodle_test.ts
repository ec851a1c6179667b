import assert from "node:assert/strict";
import { armFailPoints, FAIL_POINTS } from "../../lib/base/fail_point.ts";
import { realMariaDb, realPostgres } from "../support/databases.ts";
import { MOODLE_CHANGES, type MoodleChange } from "../support/moodle/moodle_changes.ts";
import { countsOf, moodleTruth } from "../support/moodle/moodle_truth.ts";
import { renameTables } from "../support/moodle/restore_moodle.ts";
import { testData } from "../support/shared_data.ts";
import type { PollBench } from "../poll/poll_bench.ts";
import { MoodleDatabase, type MoodleDatabase as Moodle, storedEvents, withMoodleBench } from "./moodle_bench.ts";

const folder = await testData("moodle", "polls of a real Moodle");

const COUNTS = {
  postgres: {
    exam_started: 2,
    exam_completed: 23,
    graded: 21,
    exam_failed: 14,
    exam_passed: 24,
    content_started: 14,
    content_completed: 23,
  },
  mysql: {
    exam_started: 2,
    exam_completed: 23,
    graded: 21,
    exam_failed: 14,
    exam_passed: 26,
    content_started: 14,
    content_completed: 24,
  },
};

for (const server of [await realPostgres(), await realMariaDb()]) {
  const at = server?.dialect ?? "postgres";
  Deno.test({
    name: `a real Moodle becomes exactly the events that its tables tell, and changes become what they are [${at}]`,
    ignore: folder === null || server === null,
    fn: async (t) => {
      if (folder === null || server === null) return;
      await using moodle = await MoodleDatabase.restore(server, folder);
      await t.step("first contact that dies at every step ends as if it had not", () => dyingFirstContact(moodle));
      await renameTables(server.dialect, moodle.execute, await tablesOf(moodle), "m2_");
      await withMoodleBench(moodle, { prefix: "m2_" }, async (bench) => {
        await t.step("another prefix", () => firstContact(moodle, bench, "m2_"));
        for (const change of MOODLE_CHANGES) {
          await t.step(change.name, () => changed(moodle, bench, change));
        }
      });
    },
  });
}

async function firstContact(moodle: Moodle, bench: PollBench, prefix: string): Promise<void> {
  const truth = await moodleTruth(moodle.server, moodle.url, prefix);
  assert.deepEqual(countsOf(truth), COUNTS[moodle.server.dialect]);
  await bench.poll();
  assert.deepEqual(await storedEvents(bench), truth);
  assert.equal((await bench.poll()).tally.events, 0);
}

/** Polls die after each commit in turn, and go on from what is stored. */
async function dyingFirstContact(moodle: Moodle): Promise<void> {
  await withMoodleBench(moodle, {}, async (bench) => {
    const died: string[] = [];
    for (const point of FAIL_POINTS.filter((point) => /^(record|poll)\./.test(point))) {
      armFailPoints((hit) => {
        if (hit !== point) return;
        armFailPoints(() => {});
        died.push(point);
        throw new Error(`died at ${point}`);
      });
      await bench.poll().catch((error: Error) => assert.match(error.message, /^died at /));
    }
    armFailPoints(() => {});
    await bench.poll();
    assert.ok(died.length >= 4, died.join(", "));
    assert.deepEqual(await storedEvents(bench), await moodleTruth(moodle.server, moodle.url));
  });
}

/** Twice: what was found once is not found again. */
async function changed(
  moodle: Moodle,
  bench: PollBench,
  { statements, expected, mode = "full" }: MoodleChange,
): Promise<void> {
  const now = String(Math.floor(Temporal.Now.instant().epochMilliseconds / 1000));
  for (const statement of statements) {
    await moodle.execute(statement.replaceAll("{P}", "m2_").replaceAll("{NOW}", now));
  }
  const { tally } = await bench.poll({ mode });
  const { events = {}, gone = 0, quarantined = 0, told = 0, regressions = 0 } = expected(moodle.server.dialect);
  assert.deepEqual(
    {
      events: Object.fromEntries(tally.byType),
      gone: tally.rowsMissing,
      quarantined: tally.quarantined,
      told: tally.toldEvents,
      regressions: tally.regressions,
    },
    { events, gone, quarantined, told, regressions },
  );
  const again = (await bench.poll()).tally;
  assert.deepEqual({ events: again.events, gone: again.rowsMissing }, { events: 0, gone: 0 });
}

async function tablesOf({ server, execute }: Moodle): Promise<string[]> {
  const found = await execute(
    "select table_name as name from information_schema.tables where table_name like 'mdl!_%' escape '!' and table_schema = " +
      (server.dialect === "postgres" ? "'public'" : "database()"),
  );
  const rows = server.dialect === "postgres" ? found : (found as unknown[])[0];
  return (rows as { name: string }[]).map(({ name }) => name);
}
