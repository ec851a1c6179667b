import assert from "node:assert/strict";
import { lookAtClock } from "../../lib/app/look_at_clock.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { realMariaDb, realPostgres } from "../support/databases.ts";
import { makeLms } from "../support/lms/lms_database.ts";

const postgres = await realPostgres();
const mariaDb = await realMariaDb();

for (const [name, server] of [["PostgreSQL", postgres], ["MariaDB", mariaDb]] as const) {
  Deno.test({
    name: `doctor names a clock of ${name}'s server that is more than a minute from this machine's, in both directions`,
    ignore: server === null,
    fn: async () => {
      await using lms = await makeLms(server, "clock");
      const source = await lms.open({ timezone: "Asia/Kolkata" });
      const said = async (aheadS: number) => {
        const lines: string[] = [];
        await lookAtClock(
          source,
          { now: () => systemClock.now() - aheadS * 1_000_000 },
          (_, message) => lines.push(`ok ${message}`),
          (_, message) => lines.push(`! ${message}`),
        );
        return lines.join("\n");
      };
      assert.match(await said(0), /^ok the clocks of its server and of this machine are [0-5] s apart$/);
      assert.match(await said(50), /^ok .* (4[5-9]|5[0-5]) s apart$/);
      assert.match(await said(7200), /^! the clock of the LMS's server is 7,(19|20)\d s ahead of this machine's$/);
      assert.match(await said(-90), /^! the clock of the LMS's server is (8[5-9]|9[0-5]) s behind this machine's$/);
    },
  });
}
