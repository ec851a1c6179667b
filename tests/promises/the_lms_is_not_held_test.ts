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
        const watched = wrappedSource(source, {
          keyHashes: async (kind, buckets) => {
            const keys = await source.keyHashes(kind, buckets);
            assert.deepEqual([...await held()], []);
            looks++;
            return keys;
          },
          rowsByIds: async (kind, ids) => {
            const page = await source.rowsByIds(kind, ids);
            assert.deepEqual([...await held()], []);
            looks++;
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
