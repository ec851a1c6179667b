import assert from "node:assert/strict";
import { errorCode } from "../../lib/base/database_errors.ts";
import { withState } from "../support/state/with_state.ts";
import { realPostgres, withPostgres } from "../support/databases.ts";

const server = await realPostgres();

Deno.test({
  name: "a connection that the server ends in the middle of a query spoils no query of the next one",
  ignore: server === null,
}, () =>
  withState("server", async (db, url) => {
    const name = new URL(url).pathname.slice(1);
    for (let turn = 0; turn < 5; turn++) {
      const cut = db.sql`select pg_sleep(60) as cut`.then(() => "answered", errorCode);
      // Each of the pool's connections is asked, as soon as its user knows.
      const answers = cut.then(() => Promise.all(Array.from({ length: 8 }, (_, n) => db.sql`select ${n}::int as n`)));
      await withPostgres(url, async (other) => {
        const killed = () =>
          other.unsafe(`select pg_terminate_backend(pid) from pg_stat_activity
            where datname = '${name}' and query like '%pg_sleep(60) as cut%' and pid <> pg_backend_pid()`);
        while ((await killed()).length === 0);
      });
      assert.equal(await cut, "57P01");
      assert.deepEqual((await answers).map(([row]) => row?.["n"]), [0, 1, 2, 3, 4, 5, 6, 7]);
    }
  }));
