import assert from "node:assert/strict";
import { fillMariaDb } from "../support/large_lms/fill_mariadb.ts";
import { fillPostgres } from "../support/large_lms/fill_postgres.ts";
import { everyQuery, lmsPlans } from "../support/large_lms/lms_plans.ts";
import { postgresDialect } from "../../sql/lms/dialects/postgres.ts";
import { testpress } from "../../sql/lms/testpress/preset.ts";
import { lmsQueries } from "../../sql/lms/queries.ts";
import { realMariaDb, realPostgres } from "../support/databases.ts";

/** Enough for the planners to prefer what they prefer at ten million; `deno task bench --only plans` has that size. */
const ROWS = 200_000;
const SHAPE = { attempts: ROWS, contentAttempts: ROWS / 10, open: true };

const servers = [
  { name: "PostgreSQL", server: await realPostgres(), fill: fillPostgres },
  { name: "MariaDB", server: await realMariaDb(), fill: fillMariaDb },
];

for (const { name, server, fill } of servers) {
  Deno.test({
    name: `no LMS query reads a growing table whole, sorts, or takes several processes on ${name}`,
    ignore: server === null,
    fn: async () => {
      if (server === null) return;
      const database = await server.createDatabase("plans");
      try {
        await fill(database.url, SHAPE);
        const bad = (await lmsPlans(database.url, ROWS)).filter(({ problems }) => problems.length > 0);
        assert.deepEqual(bad.map(({ name, problems, plan }) => `${name}: ${problems.join(", ")}\n${plan}`), []);
      } finally {
        await database.drop();
      }
    },
  });
}

Deno.test("lmsPlans() looks at every query that there is", () => {
  const queries = lmsQueries(testpress, postgresDialect, () => undefined);
  const looked = new Set(Object.keys(everyQuery(queries, ROWS)).map((name) => name.split(/[ ,]/)[0]));
  // Kinds that read a query have plans of their own: tests/source/custom_presets_test.ts.
  assert.deepEqual(
    Object.keys(queries).filter((name) => !["queryKind", "log"].includes(name) && !looked.has(name)),
    [],
  );
});
