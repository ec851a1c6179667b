import assert from "node:assert/strict";
import { realMariaDb, realPostgres, type TestServer } from "../support/databases.ts";
import { makeLms } from "../support/lms/lms_database.ts";

const postgres = await realPostgres();
const servers: [string, TestServer | null, boolean][] = [
  ["the embedded database", null, false],
  ["PostgreSQL", postgres, postgres === null],
  ["MariaDB", await realMariaDb(), await realMariaDb() === null],
];

for (const [name, server, ignore] of servers) {
  Deno.test({
    name: `rowsAfter() reads zoneless times of ${name} in lms.timezone, and times with a zone as they are`,
    ignore,
    fn: async () => {
      await using lms = await makeLms(server, "zones");
      const postgres = lms.writer.dialect === "postgres";
      // The server's own zone must not matter either: the owner's session writes in New York.
      await lms.execute(postgres ? "set timezone = 'America/New_York'" : "set time_zone = '-05:00'");
      await lms.execute(
        postgres
          ? "alter table attempts alter last_started_time type timestamptz"
          : "alter table attempts modify last_started_time timestamp(6) null",
      );
      await lms.writer.attempt({
        id: 1,
        date: "2026-11-20 14:45:00.123",
        last_started_time: "2026-11-20 04:15:00.5",
        last_answer_updated_time: "1970-01-01 00:00:00",
      });
      if (!postgres) {
        await lms.execute("set sql_mode = ''");
        await lms.writer.attempt({ id: 2, date: "0000-00-00 00:00:00" });
      }
      const source = await lms.open({ timezone: "Asia/Kolkata" });
      const [row, zero] = (await source.rowsAfter("exam", null, 10)).rows;
      const at = (text: string) => Number(Temporal.Instant.from(text).epochNanoseconds / 1000n);
      assert.equal(row?.startedAt, at("2026-11-20T09:15:00.123Z"));
      assert.equal(row?.lastStartedAt, at("2026-11-20T09:15:00.5Z"));
      assert.equal(row?.finishedAt, null, "the epoch is no time");
      if (!postgres) assert.equal(zero?.startedAt, null);
    },
  });

  if (server === null && !ignore) continue; // embedded: this very process, under whatever zone it has
  Deno.test({
    name: `rowsAfter() gives the same instants from ${name} whatever the process's TZ`,
    ignore,
    fn: async () => {
      await using lms = await makeLms(server, "tz");
      await lms.writer.attempt({ id: 1, date: "2026-07-01 09:15:00.123", last_started_time: "2026-03-08 02:30:00" });
      const times = await Promise.all(
        ["UTC", "Asia/Kolkata", "America/New_York"].map((zone) => timesUnder(zone, lms.config.url)),
      );
      assert.deepEqual(times[0], [1_782_897_300_123_000, 1_772_937_000_000_000]);
      assert.deepEqual(times[1], times[0]);
      assert.deepEqual(times[2], times[0]);
    },
  });
}

/** The times of attempt 1, read by a process of its own under TZ. */
async function timesUnder(TZ: string, url: string): Promise<unknown> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--no-check", "--allow-net", "--allow-env", "--allow-read", "--allow-sys"],
      new URL("../support/lms/print_times.ts", import.meta.url).pathname,
      url,
    ],
    env: { TZ },
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stdout, stderr } = await child.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const printed = JSON.parse(new TextDecoder().decode(stdout));
  const offset = { "UTC": "+00:00", "Asia/Kolkata": "+05:30", "America/New_York": "-05:00" }[TZ];
  assert.equal(printed.offset, offset, "the child runs under the zone");
  return printed.times;
}
