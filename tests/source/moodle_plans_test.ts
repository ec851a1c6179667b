import assert from "node:assert/strict";
import { realMariaDb, realPostgres } from "../support/databases.ts";
import { fillMoodle } from "../support/large_lms/fill_moodle.ts";
import { moodlePlans } from "../support/large_lms/moodle_plans.ts";

/** Enough for the planners to prefer what they prefer at a million; `deno task bench --only moodle` has that size. */
const SHAPE = { attempts: 60_000, completions: 60_000, logLines: 60_000, submissions: 60_000 };

for (const [name, server] of [["PostgreSQL", await realPostgres()], ["MariaDB", await realMariaDb()]] as const) {
  Deno.test({
    name: `no query of a large Moodle reads a growing table whole, sorts, or takes several processes on ${name}`,
    ignore: server === null,
    fn: async () => {
      if (server === null) return;
      const database = await server.createDatabase("moodle_plans");
      try {
        await fillMoodle(server.dialect, database.url, SHAPE);
        const plans = await moodlePlans(database.url, SHAPE);
        const bad = plans.filter(({ problems }) => problems.length > 0);
        assert.deepEqual(bad.map(({ name, problems, plan }) => `${name}: ${problems.join(", ")}\n${plan}`), []);
        for (const kind of ["exam", "assignment", "content"]) {
          assert.ok(
            plans.filter(({ name }) => name.includes(kind)).length >= 8,
            `every statement of a poll of ${kind}`,
          );
        }
      } finally {
        await database.drop();
      }
    },
  });
}
