import assert from "node:assert/strict";
import { LmsError } from "../../lib/base/errors.ts";
import { openDriver } from "../../lib/source/open_lms.ts";
import { realMariaDb, realPostgres } from "../support/databases.ts";
import { makeLms } from "../support/lms/lms_database.ts";

for (const [name, server] of [["PostgreSQL", await realPostgres()], ["MariaDB", await realMariaDb()]] as const) {
  Deno.test({
    name: `a statement of ${name} that waited for a lock says so, and the next one works`,
    ignore: server === null,
    fn: async () => {
      await using lms = await makeLms(server, "locked");
      const isPostgres = lms.writer.dialect === "postgres";
      const { driver } = await openDriver({ ...lms.config, statementTimeoutMs: 1500 });
      const read = () => driver.read((session) => session.rows("select count(*) from attempts"));
      try {
        if (isPostgres) await lms.execute("begin");
        await lms.execute(isPostgres ? "lock table attempts in access exclusive mode" : "lock tables attempts write");
        await assert.rejects(read(), (error) => {
          assert.ok(error instanceof LmsError);
          assert.deepEqual(
            [error.reason, /waited for a lock/.test(error.hint ?? "")],
            ["timeout", true],
            error.message,
          );
          return true;
        });
        await lms.execute(isPostgres ? "rollback" : "unlock tables");
        assert.deepEqual(await read(), [["0"]]);
      } finally {
        await driver.close();
      }
    },
  });
}
