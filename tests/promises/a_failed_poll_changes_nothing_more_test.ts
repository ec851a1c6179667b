import assert from "node:assert/strict";
import { LmsError } from "../../lib/base/errors.ts";
import { atEveryPlace, atOnePlace, PLACES, withBench } from "../poll/poll_bench.ts";
import { wrappedSource } from "../poll/wrapped_source.ts";
import { withPostgres } from "../support/databases.ts";

const PASSED = { state: "Completed", result: "Pass", score: 80, percentage: 80 };

atEveryPlace(
  "P2: a poll whose LMS goes away changes nothing more; the next one finds the rest, once",
  {},
  async (bench) => {
    const { student } = await bench.pair();
    for (let id = 1; id <= 20; id++) await bench.writer.attempt({ id: id * 1000, user_id: student });
    await bench.firstContact();
    await bench.lms.execute("update attempts set state = 'Completed', result = 'Pass'");
    const source = await bench.source();
    let reads = 0;
    const failing = wrappedSource(source, {
      rowsByIds: (kind, ids) => {
        if (kind === "exam" && ids.length > 0 && ++reads > 1) {
          throw new LmsError("unreachable", "Cannot reach the LMS: gone");
        }
        return source.rowsByIds(kind, ids);
      },
    });
    await assert.rejects(bench.poll({ source: failing }), LmsError);
    const found = (await bench.events()).length - 20;
    assert.ok(found > 0 && found < 20, `found ${found}`);
    const [run] = await bench.db
      .sql`select status, delivery, events::int, error from lmsmon.poll_runs order by poll_id desc limit 1`;
    assert.deepEqual({ ...run }, {
      status: "failed",
      delivery: "open",
      events: found,
      error: "Cannot reach the LMS: gone",
    });
    assert.equal((await bench.poll()).tally.events, 20 - found);
    assert.equal((await bench.poll()).tally.rowsRead, 0);
    assert.equal(new Set(await bench.told()).size, 40);
  },
);

for (const place of PLACES.filter(({ lms }) => lms?.dialect === "postgres")) {
  Deno.test(`P2: an LMS server that ends lmsmon's session mid poll fails that poll only [${place.name}]`, () =>
    withBench(place, {}, async (bench) => {
      const { student } = await bench.pair();
      await bench.writer.attempt({ id: 1, user_id: student });
      await bench.firstContact();
      await bench.writer.updateAttempt(1, PASSED);
      const source = await bench.source();
      // The session waits for a lock when it is ended, as it would amid a long query.
      await withPostgres(bench.lms.config.url, async (sql) => {
        const poll = await sql.begin(async (tx) => {
          await tx.unsafe("lock table attempts in access exclusive mode");
          const poll = bench.poll({ source }).then(() => null, (error) => error);
          for (let ended = 0; ended === 0;) {
            await tx.unsafe("select pg_stat_clear_snapshot()"); // within a transaction the sessions stay as they were seen first
            ended = (await tx.unsafe(
              `select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and application_name = 'lmsmon' and wait_event_type = 'Lock'`,
            )).length;
          }
          return { poll };
        });
        const error = await poll.poll;
        // A lost session is tried once more, which may work by now.
        assert.ok(error === null || error instanceof LmsError, String(error));
      });
      await bench.poll();
      assert.deepEqual(await bench.told(), ["1 exam_passed 1", "1 exam_started 1"]);
    }));
}

atOnePlace(
  "P2: a poll that is stopped between pages leaves whole batches and goes on from there",
  {},
  async (bench) => {
    const { student } = await bench.pair();
    await bench.firstContact();
    for (let id = 1; id <= 6; id++) await bench.writer.attempt({ id: id * 20_000, user_id: student, ...PASSED });
    const stop = new AbortController();
    const source = await bench.source();
    let pages = 0;
    const stopping = wrappedSource(source, {
      keyHashes: (kind, buckets) => {
        if (++pages === 1) stop.abort(new DOMException("Stopped", "AbortError"));
        return source.keyHashes(kind, buckets.slice(0, 3));
      },
    });
    await assert.rejects(bench.poll({ source: stopping, signal: stop.signal }), { name: "AbortError" });
    assert.equal((await bench.events()).length, 3);
    assert.equal((await bench.poll()).tally.events, 3);
    assert.equal(new Set(await bench.told()).size, 6);
  },
);
