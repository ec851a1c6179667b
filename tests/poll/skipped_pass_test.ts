import assert from "node:assert/strict";
import { pollSettings } from "../../lib/app/open_parts.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { logger } from "../../lib/base/log.ts";
import { RepeatedError } from "../../lib/base/repeated_error.ts";
import { pollLoop } from "../../lib/poll/poll_loop.ts";
import type { PollResult } from "../../lib/poll/run_poll.ts";
import { type PollBench, withBench } from "./poll_bench.ts";

const FINISHED = { state: "Completed", result: "Pass", score: 80, percentage: 80 };

/** What the loop of `watch` finds, poll by poll, while full passes are always due. */
class Polls implements AsyncDisposable {
  readonly results: PollResult[] = [];
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #wake: () => void = () => {};

  constructor(bench: PollBench, lms: Parameters<typeof pollLoop>[0]["lms"]) {
    const log = logger("test");
    this.#ended = pollLoop({
      db: bench.db,
      lms,
      clock: systemClock,
      log,
      settings: pollSettings(bench.config),
      holder: "test-host|1|?|a",
      intervalMs: 20,
      fullPassMs: 1,
      trouble: new RepeatedError("Polling", log, systemClock),
      checkSource: () => Promise.resolve(),
      onHeld: () => {},
      onPoll: (result) => {
        this.results.push(result);
        this.#wake();
      },
      onRole: () => {},
      onFailure: (error) => {
        throw error;
      },
    }, { soft: this.#stop.signal, hard: new AbortController().signal });
  }

  /** The results of so many polls from now on, the one in hand among them. */
  async next(count: number): Promise<PollResult[]> {
    const from = this.results.length;
    while (this.results.length < from + count) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.results.slice(from);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }
}

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
    await using polls = new Polls(bench, await bench.source());
    await polls.next(3);
    assert.deepEqual(await bench.told(), ["5 exam_passed 1"]);
    await bench.lms.execute("set lms.published = 'yes'");
    await polls.next(3);
    assert.deepEqual(await bench.told(), ["3 exam_passed 1", "5 exam_passed 1"]);
    assert.ok(polls.results.every(({ tally }) => !tally.skippedFullPass));
  }));

Deno.test("full passes over ordinary tables of a quiet cluster are skipped, until the tables become a view", () =>
  withBench({ name: "quiet", lms: null, state: "embedded" }, {}, async (bench) => {
    await using polls = new Polls(bench, await bench.source());
    await polls.next(2);
    const idle = await polls.next(3);
    assert.ok(idle.slice(1).every(({ tally }) => tally.skippedFullPass));
    await bench.lms.execute("alter table exams rename to all_exams; create view exams as select * from all_exams");
    const after = await polls.next(4);
    assert.ok(after.slice(1).every(({ tally }) => !tally.skippedFullPass));
  }));
