import assert from "node:assert/strict";
import { type Clock, systemClock } from "../../lib/base/clock.ts";
import { readMeasuredPass } from "../../lib/poll/pass_schedule.ts";
import type { LmsSource } from "../../lib/source/lms_source.ts";
import { SOURCE } from "../tell/outbox_fixture.ts";
import { LoopPolls } from "./loop_polls.ts";
import { PLACES, type PollBench, withBench } from "./poll_bench.ts";
import { wrappedSource } from "./wrapped_source.ts";

const FINISHED = { state: "Completed", result: "Pass", score: 80, percentage: 80 };
const TEN_MINUTES = 600_000;

/**
 * An LMS whose next bucket statements take so long and nothing else takes time, by a clock that only goes when it is put forward: what
 * ten rows cost a slow machine is not what is tested.
 */
class SlowSums {
  #aheadMs = 0;
  tookMs: number[] = [];

  readonly clock: Clock = { ...systemClock, monotonicMs: () => this.#aheadMs };

  constructor(readonly alwaysMs = 0) {}

  forward(ms: number): void {
    this.#aheadMs += ms;
  }

  over(lms: LmsSource): LmsSource {
    return wrappedSource(lms, {
      changeToken: () => Promise.resolve(null), // nothing proves that a pass may be skipped
      buckets: (kind, from, to) => {
        this.forward(this.tookMs.shift() ?? this.alwaysMs);
        return lms.buckets(kind, from, to);
      },
    });
  }
}

async function tenRows(bench: PollBench): Promise<{ readonly finish: (id: number) => Promise<unknown> }> {
  const { student } = await bench.pair();
  const exam = await bench.writer.exam();
  const finish = (id: number) =>
    bench.writer.attempt({ id, user_id: student, exam_id: exam, date: "2026-11-20 09:00:00", ...FINISHED });
  for (let id = 1001; id <= 1010; id++) await finish(id);
  return { finish };
}

const wasFull = ({ tally }: { readonly tally: { readonly sumsMs: number | null } }) => tally.sumsMs !== null;

for (const place of PLACES) {
  Deno.test(`P1: after a cold first pass of 250 ms over ten rows every poll compares everything, in the next process too [${place.name}]`, () =>
    withBench(place, {}, async (bench) => {
      const { finish } = await tenRows(bench);
      for (const process of ["first", "second"]) {
        const slow = new SlowSums();
        await using polls = new LoopPolls(bench, slow.over(await bench.source()), {
          fullPassMs: TEN_MINUTES,
          clock: slow.clock,
        });
        if (process === "first") await polls.next(1); // the history, which is no pass over sums
        slow.tookMs = [250];
        await polls.next(2);
        const low = process === "first" ? 5 : 6;
        await finish(low);
        assert.ok((await polls.next(3)).slice(1).every(wasFull), process);
        assert.ok((await bench.told()).some((told) => told.startsWith(`${low} exam_passed`)), process);
      }
      assert.equal((await readMeasuredPass(bench.db, SOURCE))?.periodMs, 0);
    }));

  Deno.test(`P1: a pass whose sums cost 2.5 s comes as often as 2 % allows, and so it stays after a restart [${place.name}]`, () =>
    withBench(place, {}, async (bench) => {
      await tenRows(bench);
      const slow = new SlowSums(2_500);
      const source = slow.over(await bench.source());
      {
        await using polls = new LoopPolls(bench, source, { fullPassMs: TEN_MINUTES, clock: slow.clock });
        await polls.next(4); // the history, a cold pass, and one that is measured
        assert.ok((await polls.next(4)).slice(1).every((poll) => !wasFull(poll)));
        const measured = await readMeasuredPass(bench.db, SOURCE);
        assert.ok(measured !== null && measured.periodMs >= 125_000, JSON.stringify(measured));
        slow.forward(measured.periodMs);
        assert.equal((await polls.next(4)).filter(wasFull).length, 1);
      }
      await using polls = new LoopPolls(bench, source, { fullPassMs: TEN_MINUTES, clock: slow.clock });
      assert.ok((await polls.next(3)).every((poll) => !wasFull(poll)));
    }));

  Deno.test(`P1: what the clock of this machine or the state's was set to keeps no full pass away after a restart [${place.name}]`, () =>
    withBench(place, {}, async (bench) => {
      await tenRows(bench);
      const slow = new SlowSums(2_500);
      const source = slow.over(await bench.source());
      const passesOf = async (clock: Clock) => {
        await using polls = new LoopPolls(bench, source, { fullPassMs: TEN_MINUTES, clock });
        return (await polls.next(3)).filter(wasFull).length;
      };
      {
        await using polls = new LoopPolls(bench, source, { fullPassMs: TEN_MINUTES, clock: slow.clock });
        await polls.next(4);
      }
      const hours = (n: number): Clock => ({ ...slow.clock, now: () => systemClock.now() + n * 3_600_000_000 });
      assert.deepEqual([await passesOf(hours(-9)), await passesOf(hours(9))], [0, 0], "the state's clock counts");
      await bench.db.sql`update lmsmon.streams set last_full_pass_at = clock_timestamp() + interval '9 hours'`;
      assert.equal(await passesOf(slow.clock), 1, "a pass of tomorrow is none");
      await bench.db.sql`update lmsmon.streams set last_full_pass_at = clock_timestamp() - interval '9 hours'`;
      assert.equal(await passesOf(slow.clock), 1);
    }));
}
