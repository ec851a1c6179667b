import assert from "node:assert/strict";
import { isConnectionLost } from "../../lib/base/database_errors.ts";
import { copyInto } from "../../lib/drivers/postgres/copy_into.ts";
import { withPostgres } from "../support/databases.ts";
import { serverTest, withState } from "../support/state/with_state.ts";

const CHUNKS_AT_ONCE = 400_000; // more than sockets hold, so that the driver waits for the server

for (const rows of [1, 2_000, CHUNKS_AT_ONCE]) {
  serverTest(
    `a COPY of ${rows} rows that the server cuts off rejects as a lost connection, and the next query works`,
    () =>
      withState("server", async (db, url) => {
        await db.sql.unsafe(`create table public.slow (n bigint);
        create function public.slow() returns trigger language plpgsql as 'begin perform pg_sleep(60); return new; end';
        create trigger slow before insert on public.slow for each row execute function public.slow()`);
        const lines = Array.from({ length: rows }, (_, n) => String(n));
        const outcome = db.sql.begin((tx) => copyInto(tx`copy public.slow from stdin`, lines));
        const cut = assert.rejects(outcome, isConnectionLost);
        await withPostgres(url, async (other) => {
          const killed = () =>
            other.unsafe(`select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and query like 'copy public.slow%'`);
          while ((await killed()).length === 0);
        });
        await cut;
        // Each of the pool's connections is asked.
        const answers = await Promise.all(Array.from({ length: 8 }, () => db.sql`select from public.slow`));
        assert.deepEqual(answers.map(({ length }) => length), Array(8).fill(0));
      }),
  );
}
