import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";
import { formatUtc } from "../../lib/model/time.ts";
import { atEveryPlace, type PollBench } from "../poll/poll_bench.ts";

const PASSED = { state: "Completed", result: "Pass", score: 80, percentage: 80 };
const COLUMNS = ["date", "last_started_time", "last_answer_updated_time"];

interface Stored {
  readonly id: string;
  readonly at: string;
  readonly approximate: boolean;
  readonly detected: string;
}

async function stored({ db }: PollBench): Promise<Stored[]> {
  const rows = await db.sql<Stored[]>`
    select attempt_id as id, timestamp::text as at, timestamp_approximate as approximate, created_at::text as detected
    from lmsmon.lms_activity_events order by attempt_id, event_id`;
  return [...rows];
}

atEveryPlace(
  "P4: a time that is none, in any time column, hides no result: it is told, with the time of its detection",
  {},
  async (bench) => {
    const postgres = bench.writer.dialect === "postgres";
    const none = postgres
      ? ["infinity", "-infinity", "0044-03-15 12:00:00 BC", "20000-01-01 00:00:00", "1969-12-31 10:00:00", "9000-01-01"]
      : [
        "0000-00-00 00:00:00",
        "2026-00-00 00:00:00",
        "2026-11-00 10:00:00",
        "1969-12-31 10:00:00",
        "9999-12-31 00:00",
      ];
    const { student, zulipId } = await bench.pair();
    await bench.firstContact();
    if (!postgres) await bench.lms.execute("set sql_mode = 'ALLOW_INVALID_DATES'");
    let id = 0;
    for (const time of none) {
      for (const column of COLUMNS) {
        const times = { date: null, last_started_time: null, last_answer_updated_time: null, [column]: time };
        await bench.writer.attempt({ id: ++id, user_id: student, ...PASSED, ...times });
      }
    }
    const { tally } = await bench.poll();
    assert.equal(tally.quarantined, 0);
    const events = await stored(bench);
    assert.equal(events.length, id);
    for (const event of events) {
      assert.ok(event.approximate, event.id);
      assert.equal(event.at.slice(0, 16), event.detected.slice(0, 16), "now is all that is known");
    }
    assert.equal((await bench.deliver()).sent, id);
    assert.ok(bench.standIn.dmsTo(zulipId).length > 0);
    assert.deepEqual(await bench.quarantine(), {});
  },
);

atEveryPlace(
  "P4: an occurrence later than its detection is the detection, approximate: the LMS's clock is ahead",
  {},
  async (bench) => {
    const { student } = await bench.pair();
    await bench.firstContact();
    const ahead = formatUtc(systemClock.now() + 3600 * 1_000_000).replace("T", " ").replace("Z", "");
    const times = { date: ahead, last_started_time: null, last_answer_updated_time: null };
    await bench.writer.attempt({ id: 1, user_id: student, state: "Running", ...times });
    await bench.writer.attempt({ id: 2, user_id: student, ...PASSED, ...times, last_answer_updated_time: ahead });
    await bench.writer.attempt({ id: 3, user_id: student, ...PASSED, ...times, time_taken: "0:10:00" });
    await bench.poll();
    const events = await stored(bench);
    assert.equal(events.length, 3);
    for (const { id, at, detected, approximate } of events) {
      assert.equal(at, detected, `attempt ${id}`);
      assert.ok(approximate);
    }
  },
);
