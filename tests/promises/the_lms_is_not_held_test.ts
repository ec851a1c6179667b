import assert from "node:assert/strict";
import { PLACES, withBench } from "../poll/poll_bench.ts";
import { wrappedSource } from "../poll/wrapped_source.ts";
import { withPostgres } from "../support/databases.ts";

for (const place of PLACES.filter(({ lms }) => lms?.dialect === "postgres")) {
  Deno.test(`P3: between pages nothing of the LMS is held: no transaction, no snapshot, no lock [${place.name}]`, () =>
    withBench(place, {}, async (bench) => {
      const { student } = await bench.pair();
      for (let id = 1; id <= 3; id++) await bench.writer.attempt({ id: id * 50_000, user_id: student });
      await bench.firstContact();
      await bench.lms.execute("update attempts set state = 'Completed'");
      const source = await bench.source();
      await withPostgres(bench.lms.config.url, async (sql) => {
        const held = () =>
          sql.unsafe(`select state, query from pg_stat_activity
                       where datname = current_database() and application_name = 'lmsmon'
                         and (backend_xmin is not null or backend_xid is not null or state <> 'idle')`);
        let looks = 0;
        // The sums of the next page are read beside what is looked into: they may not be over yet.
        const sums = new Set<Promise<unknown>>();
        const beside = <T>(reading: Promise<T>): Promise<T> => {
          const ended = reading.catch(() => {}).finally(() => sums.delete(ended));
          sums.add(ended);
          return reading;
        };
        const look = async () => {
          while (sums.size > 0) {
            await Promise.all(sums);
            await new Promise((resolve) => setTimeout(resolve, 0)); // until what follows them has begun
          }
          assert.deepEqual([...await held()], []);
          looks++;
        };
        const watched = wrappedSource(source, {
          firstIdFrom: (...args) => beside(source.firstIdFrom(...args)),
          buckets: (...args) => beside(source.buckets(...args)),
          keyHashes: async (...args) => {
            const keys = await source.keyHashes(...args);
            await look();
            return keys;
          },
          rowsByIds: async (...args) => {
            const page = await source.rowsByIds(...args);
            await look();
            return page;
          },
        });
        await bench.poll({ source: watched });
        assert.ok(looks >= 2);
        assert.deepEqual([...await held()], []);
        const [sessions] = await sql.unsafe(
          "select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name = 'lmsmon'",
        );
        assert.ok(sessions?.["n"] <= 2, "two sessions at most");
      });
      assert.equal((await bench.events()).length, 6);
    }));
}
