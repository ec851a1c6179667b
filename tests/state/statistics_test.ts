import assert from "node:assert/strict";
import { refreshCourseStatistics, refreshStatistics } from "../../lib/state/statistics.ts";
import { serverTest, withState } from "../support/state/with_state.ts";

serverTest(
  "what a poll has just told the planner is not told once more before courses are looked through",
  async () => {
    await withState("server", async (db) => {
      const times = async () => {
        const rows = await db.sql<{ relname: string; at: string | null }[]>`
        select relname, extract(epoch from last_analyze)::text as at from pg_catalog.pg_stat_all_tables
         where schemaname = 'lmsmon' and relname in ('lms_activity_events', 'enrolments')`;
        return new Map(rows.map(({ relname, at }) => [relname, at]));
      };
      await refreshStatistics(db);
      const afterPoll = await times();
      assert.notEqual(afterPoll.get("lms_activity_events"), null);
      assert.equal(afterPoll.get("enrolments"), null);
      await refreshCourseStatistics(db);
      assert.equal((await times()).get("lms_activity_events"), afterPoll.get("lms_activity_events"));
      assert.notEqual((await times()).get("enrolments"), null);
    });
  },
);

serverTest(
  "where no poll has told the planner how large the tables are, that is done before courses are looked through",
  async () => {
    await withState("server", async (db) => {
      await refreshCourseStatistics(db);
      const [row] = await db.sql<{ times: number }[]>`
      select count(last_analyze)::int as times from pg_catalog.pg_stat_all_tables
       where schemaname = 'lmsmon' and relname in ('lms_activity_events', 'enrolments')`;
      assert.equal(row?.times, 2);
    });
  },
);
