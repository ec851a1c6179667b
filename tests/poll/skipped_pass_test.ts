import assert from "node:assert/strict";
import { LoopPolls } from "./loop_polls.ts";
import { withBench } from "./poll_bench.ts";

const FINISHED = { state: "Completed", result: "Pass", score: 80, percentage: 80 };

// An embedded LMS is a quiet cluster: nobody else commits in it. A setting of its one session plays the clock, which a view
// may ask as well: rows change, and nothing is committed.
Deno.test("a row with a low id that a view begins to show in a quiet cluster is found in the next poll", () =>
  withBench({ name: "quiet", lms: null, state: "embedded" }, {}, async (bench) => {
    const { student } = await bench.pair();
    const exam = await bench.writer.exam();
    for (const id of [3, 5]) {
      await bench.writer.attempt({ id, user_id: student, exam_id: exam, date: "2026-11-20 09:00:00", ...FINISHED });
    }
    await bench.lms.execute("set lms.published = 'no'; alter table attempts rename to all_attempts");
    await bench.lms.execute(
      "create view attempts as select * from all_attempts where id = 5 or current_setting('lms.published') = 'yes'",
    );
    await using polls = new LoopPolls(bench, await bench.source(), { fullPassMs: 1 });
    await polls.next(3);
    assert.deepEqual(await bench.told(), ["5 exam_passed 1"]);
    await bench.lms.execute("set lms.published = 'yes'");
    await polls.next(3);
    assert.deepEqual(await bench.told(), ["3 exam_passed 1", "5 exam_passed 1"]);
    assert.ok(polls.results.every(({ tally }) => !tally.skippedFullPass));
  }));

Deno.test("full passes over ordinary tables of a quiet cluster are skipped, until the tables become a view", () =>
  withBench({ name: "quiet", lms: null, state: "embedded" }, {}, async (bench) => {
    await using polls = new LoopPolls(bench, await bench.source(), { fullPassMs: 1 });
    await polls.next(2);
    const idle = await polls.next(3);
    assert.ok(idle.slice(1).every(({ tally }) => tally.skippedFullPass));
    await bench.lms.execute("alter table exams rename to all_exams; create view exams as select * from all_exams");
    const after = await polls.next(4);
    assert.ok(after.slice(1).every(({ tally }) => !tally.skippedFullPass));
  }));
