import assert from "node:assert/strict";
import { LmsError } from "../../lib/base/errors.ts";
import { realPostgres, withPostgres } from "../support/databases.ts";
import { makeLms } from "../support/lms/lms_database.ts";

const server = await realPostgres();

Deno.test({
  name: "postgresDriver fails a read, not the process, when its backends are terminated again and again",
  ignore: server === null,
  // Pools that were dropped leave the driver's own timers behind, up to its connect timeout.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    if (server === null) return;
    await using lms = await makeLms(server);
    const source = await lms.open();
    for (let i = 0; i < 50; i++) await lms.writer.attempt({ user_id: await lms.writer.student() });
    let killing = true;
    let failures = 0;
    const killer = withPostgres(server.url, async (sql) => {
      const database = lms.config.url.split("/").at(-1) ?? "";
      // A quick server ends a hundred rounds before the first read has a connection to lose.
      for (let i = 0; i < 100 || (failures === 0 && i < 100_000); i++) {
        await sql`
          select pg_terminate_backend(pid) from pg_stat_activity
          where datname = ${database} and application_name = 'lmsmon'`;
      }
    }).finally(() => killing = false);
    while (killing) {
      const reads = [
        source.rowsAfter("exam", null, 100),
        source.buckets("exam", 0n, 20n),
        source.people("student", ["1"]),
      ];
      for (const outcome of await Promise.allSettled(reads)) {
        if (outcome.status === "fulfilled") continue;
        failures++;
        assert.ok(outcome.reason instanceof LmsError, String(outcome.reason));
        assert.equal(outcome.reason.reason, "unreachable");
      }
    }
    await killer;
    assert.ok(failures > 0, "some read was hit");
    assert.equal((await source.rowsAfter("exam", null, 100)).rows.length, 50, "and it works again afterwards");
  },
});
