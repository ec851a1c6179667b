import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { errorCode, isConnectionLost } from "../../lib/base/database_errors.ts";
import { errorResponse } from "../../lib/drivers/pglite/pglite_messages.ts";
import { hearLastWords } from "../../lib/drivers/postgres/last_words.ts";
import type { Sql, StateDb } from "../../lib/state/state_db.ts";
import { withState } from "../support/state/with_state.ts";
import { realPostgres, withPostgres } from "../support/databases.ts";

const ignore = await realPostgres() === null;

/** Ends the session that asks a query of which this is a part, once there is one. */
async function endSessionOf(url: string, part: string): Promise<void> {
  await withPostgres(url, async (other) => {
    const killed = () =>
      other.unsafe(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and query like '%${part}%' and pid <> pg_backend_pid()`);
    while ((await killed()).length === 0);
  });
}

/** Each of the pool's connections is asked. */
const askAll = ({ sql }: StateDb) => Promise.all(Array.from({ length: 8 }, (_, n) => sql`select ${n}::int as n`));
const ALL = [0, 1, 2, 3, 4, 5, 6, 7];

Deno.test({
  name: "a connection that the server ends in the middle of a query spoils no query of the next one",
  ignore,
}, () =>
  withState("server", async (db, url) => {
    for (let turn = 0; turn < 5; turn++) {
      const cut = db.sql`select pg_sleep(60) as cut`.then(() => "answered", errorCode);
      const answers = cut.then(() => askAll(db)); // as soon as its user knows
      await endSessionOf(url, "pg_sleep(60) as cut");
      assert.equal(await cut, "57P01");
      assert.deepEqual((await answers).map(([row]) => row?.["n"]), ALL);
    }
  }));

/** Far more than arrives in a test; the pieces that it comes in begin in the middle of rows. */
const endlessRows = (sql: Sql, onRow: () => void) =>
  sql`select repeat('y', 300 + g % 700) as flood from (select generate_series(1, 40000000) as g) x`.forEach(onRow);

Deno.test(
  { name: "a connection that the server ends while rows stream spoils no query of the next one", ignore },
  () =>
    withState("server", async (db, url) => {
      for (let turn = 0; turn < 5; turn++) {
        const begun = Promise.withResolvers<void>();
        const cut = endlessRows(db.sql, begun.resolve).then(() => null, (error: unknown) => error);
        const answers = cut.then(() => askAll(db));
        await begun.promise;
        await endSessionOf(url, "as flood");
        const error = await cut;
        assert.ok(isConnectionLost(error), String(error));
        assert.deepEqual((await answers).map(([row]) => row?.["n"]), ALL);
      }
    }),
);

Deno.test("a server's last words are understood wherever the network cuts them", async () => {
  const ready = Uint8Array.of(0x5a, 0, 0, 0, 5, 0x49);
  const rows = new Uint8Array(3000).fill(0x45); // the end of a row, all of it as an error begins
  const words = errorResponse("FATAL", "57P01", "terminating connection");
  const said = new Uint8Array([...rows, ...words]);
  for (let at = rows.length - 2; at < said.length; at++) {
    const socket = new PassThrough();
    const heard = hearLastWords(socket);
    const errors: unknown[] = [];
    heard.on("error", (error) => errors.push(errorCode(error)));
    const closed = once(heard, "close").catch(() => {}); // it rejects at the error, which comes first
    for (const piece of [ready, said.subarray(0, at), said.subarray(at)]) heard.emit("data", piece);
    await closed;
    assert.deepEqual(errors, ["57P01"], `cut at ${at}`);
  }
});
