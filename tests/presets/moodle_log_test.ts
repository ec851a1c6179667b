import assert from "node:assert/strict";
import { realMariaDb, realPostgres } from "../support/databases.ts";
import { pageSeen } from "../support/moodle/moodle_changes.ts";
import { testData } from "../support/shared_data.ts";
import { MoodleDatabase, storedEvents, withMoodleBench } from "./moodle_bench.ts";

const folder = await testData("moodle", "polls of a real Moodle");

/** Somebody sees the page of module 4, which nothing but the log knows. */
const seen = (id: number, student: number) =>
  pageSeen(id, student, 4).replaceAll("{P}", "mdl_").replaceAll(
    "{NOW}",
    String(Math.floor(Temporal.Now.instant().epochMilliseconds / 1000)),
  );

for (const server of [await realPostgres(), await realMariaDb()]) {
  Deno.test({
    name: `P10: a log that can be read only later is the past, and one that was empty is not [${
      server?.dialect ?? "none"
    }]`,
    ignore: folder === null || server === null,
    fn: async () => {
      if (folder === null || server === null) return;
      await using moodle = await MoodleDatabase.restore(server, folder);
      const { execute } = moodle;
      const withLog = await withMoodleBench(moodle, {}, async (bench) => {
        await bench.poll();
        return await storedEvents(bench);
      });
      await execute("alter table mdl_logstore_standard_log rename to mdl_log_elsewhere");
      await withMoodleBench(moodle, {}, async (bench) => {
        await bench.poll();
        const before = (await storedEvents(bench)).length;
        assert.ok(before < withLog.length, "the log knew of something");
        await execute("alter table mdl_log_elsewhere rename to mdl_logstore_standard_log");
        await execute(seen(2001, 9));
        await execute(
          "insert into mdl_course_modules_completion (id, coursemoduleid, userid, completionstate, timemodified)" +
            ` values (900001, 7, 9, 1, ${Math.floor(Temporal.Now.instant().epochMilliseconds / 1000)})`,
        );
        const source = await bench.lms.open();
        const { tally } = await bench.poll({ source });
        assert.equal(tally.eventsToTell, 1, "what a table tells is news");
        assert.equal((await storedEvents(bench)).length, withLog.length + 2);
        await execute(seen(2002, 10));
        assert.equal((await bench.poll({ source, mode: "quick" })).tally.eventsToTell, 1);
      });
      await execute("delete from mdl_logstore_standard_log");
      await withMoodleBench(moodle, {}, async (bench) => {
        await bench.poll();
        await execute(seen(5001, 9));
        const source = await bench.lms.open();
        assert.equal((await bench.poll({ source, mode: "quick" })).tally.eventsToTell, 1);
      });
    },
  });
}
