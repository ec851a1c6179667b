import assert from "node:assert/strict";
import postgres from "postgres";
import { PgliteEngine } from "../../lib/drivers/pglite/pglite_engine.ts";
import { PgliteSocket } from "../../lib/drivers/pglite/pglite_socket.ts";
import { embeddedPool } from "../../lib/state/state_pool.ts";
import type { Sql, Transaction } from "../../lib/state/state_db.ts";
import { isConnectionLost } from "../../lib/base/database_errors.ts";
import { embeddedImage } from "../support/state/embedded_state.ts";
import { forEachState, serverTest, withState } from "../support/state/with_state.ts";

const codeOf = (error: unknown) => (error as { code?: string }).code;

forEachState("parameters and results keep times, big numbers and arrays", async ({ sql }) => {
  const time = Temporal.Instant.from("2026-11-20T09:15:00.123456Z");
  const micros = Number(time.epochNanoseconds / 1000n);
  const ids = ["9007199254740993", "-1", null];
  const [row] = await sql`
    select ${time}::timestamptz as instant, ${micros}::timestamptz as micros, ${"2026-11-20T14:45:00.123456+05:30"}::timestamptz as text,
           ${"9007199254740993"}::bigint as big, 1.50::numeric as exact, date '2026-02-28' as day, ${{
    a: [1, null],
  }}::jsonb as json,
           ${null}::timestamptz as nothing`;
  assert.deepEqual({
    ...row,
    instant: String(row?.["instant"]),
    micros: String(row?.["micros"]),
    text: String(row?.["text"]),
  }, {
    instant: "2026-11-20T09:15:00.123456Z",
    micros: "2026-11-20T09:15:00.123456Z",
    text: "2026-11-20T09:15:00.123456Z",
    big: "9007199254740993",
    exact: "1.50",
    day: Temporal.PlainDate.from("2026-02-28"),
    json: { a: [1, null] },
    nothing: null,
  });
  const rows = await sql`
    select id, name, at, flag, json from unnest(${ids}::bigint[], ${["a", 'b"\\,{}', null]}::text[],
      ${[null, time, micros]}::timestamptz[], ${[1, 0, null]}::int[], ${['{"a":1}', "null", null]}::text[]::jsonb[])
      as u (id, name, at, flag, json)`;
  assert.deepEqual(rows.map((r) => r["id"]), ids);
  assert.deepEqual(rows.map((r) => r["name"]), ["a", 'b"\\,{}', null]);
  assert.deepEqual(rows.map((r) => r["at"]?.toString() ?? null), [null, String(time), String(time)]);
  assert.deepEqual(rows.map((r) => r["json"]), [{ a: 1 }, null, null]);
  assert.deepEqual([...await sql`select ${[]}::bigint[] as none`], [{ none: [] }]);
});

forEachState("transactions and errors of concurrent connections do not touch each other", async ({ sql }) => {
  await sql`create table public.t (id int primary key, n int not null)`;
  await sql`insert into public.t values (1, 0)`;
  const outcomes = await Promise.allSettled([
    ...Array.from({ length: 30 }, () => sql.begin((tx) => tx`update public.t set n = n + 1 where id = 1`)),
    sql`insert into public.t values (1, 1)`,
    sql`select 1/0`,
    sql.begin(async (tx) => {
      await tx`update public.t set n = n + 1000`;
      throw new Error("rolled back");
    }),
    sql.begin(async (tx) => {
      await tx.savepoint((point) => point`insert into public.t values (1, 1)`).catch(() => {});
      await tx`update public.t set n = n + 1`;
    }),
    sql`select no_such_column`,
  ]);
  const rejected = outcomes.flatMap((outcome) => outcome.status === "rejected" ? [outcome.reason] : []);
  assert.deepEqual(rejected.map((error) => codeOf(error) ?? error.message), ["23505", "22012", "rolled back", "42703"]);
  assert.deepEqual([...await sql`select n from public.t`], [{ n: 31 }]);
});

forEachState("cursors, large parameters and large results work", async ({ sql }) => {
  let rows = 0;
  await sql`select g, repeat('x', 100) from generate_series(1, 5000) g`.cursor(
    700,
    (page) => void (rows += page.length),
  );
  assert.equal(rows, 5000);
  for await (const page of sql`select g from generate_series(1, 100) g`.cursor(10)) {
    if (page[0]?.["g"] === 21) break;
  }
  const large = "ü".repeat(3_000_000);
  const [row] = await sql`select ${large}::text as large`;
  assert.equal(row?.["large"], large);
  assert.equal((await sql`select g from generate_series(1, 50000) g`).length, 50_000);
});

Deno.test("COPY is refused on an embedded database and harms nobody", () =>
  withState("embedded", async ({ sql }) => {
    await assert.rejects(sql`copy (select 1) to stdout`, { code: "0A000" });
    await assert.rejects(sql`copy (select ${1}::int) to stdout`, { code: "0A000" });
    await assert.rejects(sql.unsafe("copy lmsmon.sources from stdin").simple(), { code: "0A000" });
    await assert.rejects(sql.begin((tx) => tx`copy lmsmon.sources to stdout`), { code: "0A000" });
    assert.deepEqual([...await sql`select 1 as one`], [{ one: 1 }]);
  }));

Deno.test("a connection that goes away in a transaction leaves nothing of it, nor of its statements", () =>
  withEngine(async (engine, connect) => {
    const leaving = connect();
    const staying = connect();
    await staying`create table t (x int)`;
    const { promise: inTransaction, resolve } = Promise.withResolvers<void>();
    const lost = leaving.begin(async (tx) => {
      await tx`insert into t values (1)`;
      resolve();
      await leaving.end({ timeout: 0 });
      await tx`insert into t values (2)`;
    });
    await inTransaction;
    await assert.rejects(lost, (error: unknown) => isConnectionLost(error));
    assert.deepEqual([...await staying`select x from t`], []);
    const own = await staying`select statement from pg_prepared_statements where statement like 'insert%'`;
    assert.deepEqual([...own], []);
    assert.equal(engine.broken, null);
  }));

Deno.test("a transaction that waits for itself is ended, with an error, instead of blocking everybody for ever", () =>
  withEngine(async (_engine, connect) => {
    const sql = connect();
    await sql`create table t (x int)`;
    const stuck = sql.begin(async (tx) => {
      await tx`insert into t values (1)`;
      await sql`select 1`; // not tx: waits for the transaction that waits for it
      await tx`insert into t values (2)`;
    });
    await assert.rejects(stuck, /kept the embedded database waiting|CONNECTION_/);
    assert.deepEqual([...await sql`select x from t`], []);
  }, 200));

forEachState("a savepoint that fails is rolled back, and the transaction goes on", async ({ sql }) => {
  await sql`create table public.t (id int primary key)`;
  const result = await sql.begin(async (tx) => {
    await tx`insert into public.t values (1)`;
    await assert.rejects(tx.savepoint((point) => point`insert into public.t values (1)`), { code: "23505" });
    await tx.savepoint(
      "named",
      (point) => point.unsafe("insert into public.t values (2); insert into public.t values (3)").simple(),
    );
    return await tx`select count(*)::int as n from public.t`;
  });
  assert.deepEqual([...result], [{ n: 3 }]);
});

serverTest(
  "a transaction whose server connection is lost is rejected, and the process lives on",
  () =>
    withState("server", async ({ sql }, url) => {
      const killer = postgres(url, { max: 1 });
      const kill = async (pid: number) => {
        await killer`select pg_terminate_backend(${pid})`;
        while ((await killer`select from pg_stat_activity where pid = ${pid}`).length > 0);
      };
      const pidOf = async (tx: Transaction) =>
        Number((await tx<{ pid: number }[]>`select pg_backend_pid() as pid`)[0]?.pid);
      try {
        // Between two queries; in a savepoint; with an error that hides the cause.
        await assert.rejects(
          sql.begin(async (tx) => {
            await kill(await pidOf(tx));
            await tx`select 1`;
          }),
          isLost,
        );
        await assert.rejects(
          sql.begin((tx) =>
            tx.savepoint(async (point) => {
              await kill(await pidOf(point));
              await point`select 1`;
            }).catch(() => tx.unsafe("select 2").simple())
          ),
          isLost,
        );
        await assert.rejects(sql.begin(async (tx) => {
          const pid = await pidOf(tx);
          const sleeping = tx`select pg_sleep(60)`.catch(() => {
            throw new Error("something else");
          });
          await Promise.all([sleeping, kill(pid)]);
        }));
        assert.deepEqual([...await sql`select 1 as one`], [{ one: 1 }]);
      } finally {
        await killer.end();
      }
    }),
);

const isLost = (error: unknown) => isConnectionLost(error);

/** One engine in memory and pools of one to three connections to it. */
async function withEngine(
  work: (engine: PgliteEngine, connect: () => Sql) => Promise<void>,
  patienceMs = 60_000,
): Promise<void> {
  const engine = await PgliteEngine.open(null, { ...await embeddedImage("empty"), patienceMs });
  const pools: Sql[] = [];
  try {
    await work(engine, () => {
      const pool = embeddedPool(() => Promise.resolve(new PgliteSocket(engine)), { connections: 3 });
      pools.push(pool);
      return pool;
    });
  } finally {
    await Promise.all(pools.map((pool) => pool.end({ timeout: 1 })));
    await engine.close();
  }
}
