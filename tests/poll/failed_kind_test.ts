import assert from "node:assert/strict";
import { KindError, LmsError } from "../../lib/base/errors.ts";
import { dryRun } from "../../lib/poll/dry_run.ts";
import { pollSettings } from "../../lib/app/open_parts.ts";
import { stateKeyStore } from "../../lib/app/state_key_store.ts";
import { type Clock, systemClock } from "../../lib/base/clock.ts";
import { customLms } from "../support/presets/custom_lms.ts";
import { LoopPolls } from "./loop_polls.ts";
import { PLACES, withBench } from "./poll_bench.ts";
import { wrappedSource } from "./wrapped_source.ts";

const file = (name: string) => Deno.readTextFile(new URL(`../../${name}`, import.meta.url));
const [place] = PLACES;
const FINISHED = { state: "Completed", result: "Pass", score: 80, percentage: 80 };
const TEN_MINUTES = 600_000;

Deno.test({
  name: "P9: a value on which the query of a kind fails keeps no other kind's rows away, and is told when it is mended",
  ignore: place?.lms?.dialect !== "postgres",
}, async () => {
  if (place?.lms == null) return;
  const server = place.lms;
  await withBench(place, {}, async (bench) => {
    await using lms = await customLms(server, await file("tests/support/presets/uuid.sql"));
    const yaml = (await file("docs/presets/uuid.yaml")).replace("s.points as score", "20 / (s.points - 13) as score");
    const source = await lms.open(yaml, { keyStore: stateKeyStore(bench.db) });
    await bench.poll({ source });
    const events = async () =>
      (await bench.db.sql<{ event_type: string }[]>`
        select event_type from lmsmon.lms_activity_events where origin = 'live' order by event_id`)
        .map((row) => row.event_type);

    const uuid = (first: string) => `'${first}0000000-0000-4000-8000-000000000001'`;
    await lms.execute(
      `insert into submissions (id, user_id, test_id, status, points, is_trial) values
         (${uuid("8")}, ${uuid("a")}, ${uuid("d")}, 'handed in', 13, false)`,
    );
    await lms.execute(
      `insert into lesson_visits (id, user_id, lesson_id, status) values
         (${uuid("9")}, ${uuid("a")}, ${uuid("7")}, 'done')`,
    );
    const divided = (error: unknown) =>
      error instanceof KindError && error.reason === "failed" && /division by zero.*by query exam$/.test(error.message);
    const dry = await dryRun(
      { db: bench.db, lms: source, clock: bench.clock, settings: pollSettings(bench.config) },
      { mode: "full", notifyHistory: false, signal: new AbortController().signal },
    );
    assert.deepEqual(dry.events.map(({ event }) => event.detected.type), ["content_watched"]);
    assert.match(dry.failed?.message ?? "", /by query exam$/);

    await assert.rejects(bench.poll({ source }), divided);
    assert.deepEqual(await events(), ["content_watched"]);
    await lms.execute(`update lesson_visits set status = 'opened' where id = ${uuid("9")}`);
    await assert.rejects(bench.poll({ source }), divided, "for as long as it lasts");

    await lms.execute(`update submissions set points = 18 where id = ${uuid("8")}`);
    await bench.poll({ source });
    assert.deepEqual(await events(), ["content_watched", "exam_passed"]);
  });
});

for (const place of PLACES) {
  Deno.test(`a kind that fails costs the LMS no more full passes of the others, and no poll calls it over meanwhile [${place.name}]`, () =>
    withBench(place, {}, async (bench) => {
      const { student } = await bench.pair();
      const exam = await bench.writer.exam();
      await bench.writer.attempt({ user_id: student, exam_id: exam, date: "2026-11-20 09:00:00", ...FINISHED });
      let aheadMs = 0, isBroken = false, compared = 0;
      const clock: Clock = { ...systemClock, monotonicMs: () => aheadMs };
      const lms = await bench.source();
      const source = wrappedSource(lms, {
        changeToken: () => Promise.resolve(null), // nothing proves that a pass may be skipped
        firstIdFrom: (kind, from) =>
          isBroken && kind === "content"
            ? Promise.reject(new LmsError("failed", "Cannot read content"))
            : lms.firstIdFrom(kind, from),
        buckets: (kind, from, to) => {
          aheadMs += 2_500; // 2 % of 125 s
          if (kind === "exam") compared++;
          return lms.buckets(kind, from, to);
        },
      });
      const failures: unknown[] = [];
      let failed = Promise.withResolvers<void>();
      const onFailure = (error: unknown) => {
        failures.push(error);
        failed.resolve();
        failed = Promise.withResolvers();
      };
      await using polls = new LoopPolls(bench, source, { fullPassMs: TEN_MINUTES, clock, onFailure });
      await polls.next(6); // the history, a cold pass, one that is measured, and those that follow it
      isBroken = true;
      compared = 0;
      aheadMs += 125_000;
      while (failures.length < 5) await failed.promise;
      assert.equal(compared, 1, "one pass over the others");
      assert.ok(failures.every((error) => error instanceof KindError && error.message === "Cannot read content"));
      isBroken = false;
      const soFar = failures.length, results = polls.results.length;
      while (failures.length < soFar + 2) await failed.promise;
      assert.equal(polls.results.length, results, "it was not compared yet");
      aheadMs += 125_000;
      await polls.next(1);
      assert.equal(compared, 2);
    }));
}
