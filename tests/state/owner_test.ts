import assert from "node:assert/strict";
import { createConnection, createServer, type Socket } from "node:net";
import { join } from "node:path";
import postgres from "postgres";
import { systemClock } from "../../lib/base/clock.ts";
import { StateError } from "../../lib/base/errors.ts";
import { logger } from "../../lib/base/log.ts";
import { openState } from "../../lib/state/open_state.ts";
import { prepareDirectory, stateDirectory } from "../../lib/state/owner_directory.ts";
import { OwnerLock } from "../../lib/state/owner_lock.ts";
import { OwnerState } from "../../lib/state/owner_state.ts";
import type { StateDb } from "../../lib/state/state_db.ts";
import { isConnectionLost } from "../../lib/base/database_errors.ts";
import { startStateProcess } from "../support/state/state_process.ts";
import { withStateDirectory } from "../support/state/state_directory.ts";

const open = (path: string, options: Parameters<typeof openState>[1] = {}): Promise<StateDb> =>
  openState({ url: `pglite:${path}`, password: null }, options);

/** For what nobody is told of. */
async function until(holds: () => boolean): Promise<void> {
  const patience = performance.now() + 60_000;
  while (!holds()) {
    assert.ok(performance.now() < patience, "nothing happened for a minute");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const modeOf = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;

Deno.test("openState() creates an embedded state, migrated, for its user only", async () => {
  const parent = await Deno.makeTempDir();
  const path = join(parent, "deep", "state");
  try {
    await using state = await open(path);
    assert.equal(state.mode, "embedded");
    assert.deepEqual([...await state.sql`select count(*)::int as n from lmsmon.streams`], [{ n: 0 }]);
    assert.equal(await modeOf(path), 0o700);
    assert.equal(await modeOf(join(path, "data")), 0o700);
    assert.equal(await modeOf(join(path, "lmsmon.sock")), 0o600);
    assert.equal(await modeOf(join(path, "lmsmon.lock")), 0o600);
    await state.close();
    assert.deepEqual((await Array.fromAsync(Deno.readDir(path), ({ name }) => name)).sort(), ["data", "lmsmon.lock"]);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});

Deno.test("a second opening works through the owner, and owns the state when the owner closes", () =>
  withStateDirectory(async (path) => {
    const first = await open(path);
    await using second = await open(path);
    assert.deepEqual([first.mode, second.mode], ["embedded", "via_owner"]);
    await first.sql`create table public.t (x int)`;
    await Promise.all(
      [first, second].map(({ sql }) =>
        Promise.all(Array.from({ length: 20 }, (_, n) => sql.begin((tx) => tx`insert into public.t values (${n})`)))
      ),
    );
    assert.deepEqual([...await second.sql`select count(*)::int as n from public.t`], [{ n: 40 }]);
    await first.close();
    assert.deepEqual([...await retried(() => second.sql`select count(*)::int as n from public.t`)], [{ n: 40 }]);
    assert.equal(second.mode, "embedded");
    await using third = await open(path);
    assert.equal(third.mode, "via_owner");
  }));

/** What somebody else uses: psql, a desktop program. */
async function withStranger(path: string, work: (sql: postgres.Sql) => Promise<void>): Promise<void> {
  const sql = postgres({
    ...{ host: "embedded", user: "somebody", database: "lmsmon", pass: "", ssl: false, max: 1, fetch_types: false },
    connection: { application_name: "psql" },
    socket: async () => {
      const socket = createConnection(join(path, "lmsmon.sock"));
      await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
      return socket;
    },
  } as postgres.Options<Record<string, never>>);
  try {
    await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

Deno.test("what psql sets, makes or takes in an embedded state's one session holds for its own transaction only", () =>
  withStateDirectory(async (path) => {
    await using owner = await open(path, { connections: 1 });
    const ours = () =>
      owner.sql`select 0.1234567890123::float8 as x, current_setting('default_transaction_read_only') as read_only`;
    const usual = [{ x: 0.1234567890123, read_only: "off" }];
    assert.deepEqual([...await ours()], usual);
    await withStranger(path, async (sql) => {
      await sql`set extra_float_digits = -10`.simple();
      assert.deepEqual([...await ours()], usual);
      await sql`set session characteristics as transaction read only; set role pg_monitor`.simple();
      await owner.sql`create table public.t (x int)`;
      await sql`select set_config('search_path', 'nowhere', false), pg_advisory_lock(7)`;
      await sql`create temporary table t (y int)`.simple();
      assert.deepEqual([...await owner.sql`select x from t`], []);
      assert.deepEqual([...await owner.sql`select from pg_locks where locktype = 'advisory'`], []);
      for (const command of ["discard all", "Deallocate ALL", "deallocate prepare all"]) {
        await assert.rejects(sql.unsafe(command).simple(), /is not available on an embedded database/);
      }
      const reserved = await sql.reserve();
      await reserved`begin; set timezone = 'Asia/Tokyo'`.simple();
      assert.deepEqual([...await reserved`select current_setting('timezone') as zone`], [{ zone: "Asia/Tokyo" }]);
      reserved.release();
    });
    assert.deepEqual([...await owner.sql`select current_setting('timezone') as zone`], [{ zone: "UTC" }]);
    assert.deepEqual([...await ours()], usual, "and its own statements are prepared as before");
  }));

Deno.test("a client's connection that the owner loses in a transaction rejects it and the next query works", () =>
  withStateDirectory(async (path) => {
    const owner = await open(path);
    await using client = await open(path);
    await client.sql`create table public.t (x int)`;
    await assert.rejects(
      client.sql.begin(async (tx) => {
        await tx`insert into public.t values (1)`;
        await owner.close();
        await tx`insert into public.t values (2)`;
      }),
      (error: unknown) => isConnectionLost(error),
    );
    assert.deepEqual([...await retried(() => client.sql`select x from public.t`)], []);
  }));

Deno.test("openState() finds another owner when the one it asked dies in that moment", () =>
  withStateDirectory(async (path) => {
    using lock = await Deno.open(join(path, "lmsmon.lock"), { read: true, write: true });
    await lock.lock(true);
    const socket = join(path, "lmsmon.sock");
    await lock.write(new TextEncoder().encode(JSON.stringify({ pid: 1, since: "now", socket })));
    const asked = Promise.withResolvers<void>();
    const dying = createServer((connection) => {
      connection.destroy();
      asked.resolve();
    });
    await new Promise<void>((resolve) => dying.listen(socket, resolve));
    const opening = open(path);
    await asked.promise;
    await new Promise((resolve) => dying.close(resolve));
    await lock.unlock();
    await using db = await opening;
    assert.equal(db.mode, "embedded");
  }));

Deno.test("SIGKILL of the owner loses no commit that was told, and its clients take over", () =>
  withStateDirectory(async (path) => {
    await using owner = await startStateProcess(`pglite:${path}`);
    assert.equal(owner.opened, "embedded");
    await using client = await open(path);
    assert.equal(client.mode, "via_owner");
    await client.sql`create table public.t (x bigint)`;
    let told = 0;
    await owner.insertForEver("public.t", (n) => {
      told = n;
      if (n === 300) void owner.kill("SIGKILL");
    });
    assert.ok(told >= 300);
    const [row] = await retried(() => client.sql<{ n: number }[]>`select count(*)::int as n from public.t`);
    assert.ok((row?.n ?? 0) >= told, `${row?.n} kept, ${told} told`);
    assert.equal(client.mode, "embedded");
    await using next = await startStateProcess(`pglite:${path}`);
    assert.equal(next.opened, "via_owner");
    assert.equal(await next.run("select count(*) >= 300 as all from public.t"), '[{"all":true}]');
  }));

Deno.test("a client opens the database as soon as its owner was killed, before anybody asks it for something", () =>
  withStateDirectory(async (path) => {
    await using owner = await startStateProcess(`pglite:${path}`);
    await using client = await open(path);
    const mode = () => client.mode;
    assert.equal(mode(), "via_owner");
    await owner.kill("SIGKILL");
    await until(() => mode() === "embedded");
    assert.deepEqual([...await client.sql`select count(*)::int as n from lmsmon.streams`], [{ n: 0 }]);
  }));

Deno.test("a client succeeds an owner that is killed bit by bit: its socket takes one more connection before it is gone", () =>
  withStateDirectory(async (path) => {
    const directory = stateDirectory(path);
    await prepareDirectory(directory);
    const lock = await OwnerLock.tryTake(directory);
    assert.ok(lock !== null);
    const [first, second] = [Promise.withResolvers<Socket>(), Promise.withResolvers<Socket>()];
    let connections = 0;
    const dying = createServer((socket) => {
      (connections++ === 0 ? first : second).resolve(socket.on("error", () => {}));
    });
    await new Promise<void>((resolve) => dying.listen(directory.socket, resolve));
    await lock.write({ pid: Deno.pid, since: "2026-11-26T07:00:00Z", socket: directory.socket });
    const client = new OwnerState(directory, systemClock, () => Promise.resolve(), logger("state"));
    (await client.connect()).on("error", () => {});
    (await first.promise).destroy(); // a client may be connected before its server hears of it
    (await second.promise).destroy();
    await new Promise<void>((resolve) => dying.close(() => resolve()));
    lock[Symbol.dispose]();
    await until(() => client.owns);
    await client.close();
  }));

Deno.test("a client that is being closed does not open the database of an owner that closes, too", () =>
  withStateDirectory(async (path) => {
    const owner = await open(path);
    const client = await open(path);
    assert.equal(client.mode, "via_owner");
    await Promise.all([client.close(), owner.close()]);
    assert.equal(client.mode, "via_owner");
    assert.deepEqual((await Array.fromAsync(Deno.readDir(path), ({ name }) => name)).sort(), ["data", "lmsmon.lock"]);
  }));

Deno.test("several processes that open a new directory at once share one database", async () => {
  const path = join(await Deno.makeTempDir(), "state");
  try {
    const processes = await Promise.all(Array.from({ length: 3 }, () => startStateProcess(`pglite:${path}`)));
    try {
      assert.deepEqual(processes.map(({ opened }) => opened).sort(), ["embedded", "via_owner", "via_owner"]);
      await processes[0]?.run("create table public.t (x int)");
      const all = await Promise.all(processes.map((process) => process.run("insert into public.t values (1)")));
      assert.deepEqual(all, ["[]", "[]", "[]"]);
      assert.equal(await processes[1]?.run("select count(*)::int as n from public.t"), '[{"n":3}]');
    } finally {
      await Promise.all(processes.map((process) => process[Symbol.asyncDispose]()));
    }
  } finally {
    await Deno.remove(join(path, ".."), { recursive: true });
  }
});

Deno.test("a process killed while it created the state leaves nothing that hinders the next", () =>
  withStateDirectory(async (path) => {
    const torn = join(path, "data.new-4711");
    await Deno.mkdir(torn);
    await Deno.writeTextFile(join(torn, "PG_VERSION"), "18\n");
    await Deno.writeTextFile(join(path, "lmsmon.sock"), "a stale one");
    await Deno.writeTextFile(join(path, "lmsmon.lock"), '{"pid": 47');
    await Deno.writeTextFile(join(path, "data", "postmaster.pid"), "1\n");
    await using state = await open(path);
    assert.equal(state.mode, "embedded");
    await assert.rejects(Deno.stat(torn), Deno.errors.NotFound);
  }));

Deno.test("a directory whose path is too long for a socket is served from a temporary one", async () => {
  const parent = await Deno.makeTempDir();
  const path = join(parent, "a".repeat(100), "state");
  try {
    const owner = await open(path);
    await using client = await open(path);
    assert.equal(client.mode, "via_owner");
    const { socket } = JSON.parse(await Deno.readTextFile(join(path, "lmsmon.lock")));
    assert.equal(await modeOf(join(socket, "..")), 0o700);
    await owner.close();
    await assert.rejects(Deno.stat(join(socket, "..")), Deno.errors.NotFound);
    await retried(() => client.sql`select 1`);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});

Deno.test("openState() refuses a directory that is somebody else's, and what is no directory", async () => {
  const path = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(path, "thesis.tex"), "");
    await assert.rejects(open(path), (error: Error) => {
      assert.ok(error instanceof StateError);
      assert.match(error.message, /is not empty and not lmsmon's \(it holds "thesis\.tex"\)/);
      assert.match(error.hint ?? "", /state\.url/);
      return true;
    });
    await assert.rejects(open(join(path, "thesis.tex")), /it is no directory/);
    await assert.rejects(open(join(path, "thesis.tex", "state")), /it is no directory/);
    assert.deepEqual((await Array.fromAsync(Deno.readDir(path), ({ name }) => name)).sort(), ["thesis.tex"]);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("a state opens whatever was laid beside it, such as a dump of it", async () => {
  const parent = await Deno.makeTempDir();
  const path = join(parent, "state");
  try {
    const before = await open(path);
    await before.close();
    for (const name of ["state.dump.gz", ".DS_Store"]) await Deno.writeTextFile(join(path, name), "");
    await using again = await open(path);
    assert.equal(again.mode, "embedded");
    await Deno.stat(join(path, "state.dump.gz"));
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});

Deno.test("a state whose lmsmon.lock was deleted says how to get it back, and not to begin with an empty one", async () => {
  const parent = await Deno.makeTempDir();
  const path = join(parent, "state");
  try {
    const before = await open(path);
    await before.close();
    await Deno.remove(join(path, "lmsmon.lock"));
    await assert.rejects(open(path), (error: Error) => {
      assert.ok(error instanceof StateError);
      assert.match(error.message, /has a folder "data" and no lmsmon\.lock/);
      assert.match(error.hint ?? "", /touch .*lmsmon\.lock/);
      return true;
    });
    await Deno.writeTextFile(join(path, "lmsmon.lock"), "");
    await using again = await open(path);
    assert.equal((await again.sql`select 1 as one from lmsmon.migrations limit 1`).length, 1);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});

Deno.test("openState() in a dry run creates no directory", async () => {
  const parent = await Deno.makeTempDir();
  try {
    await using state = await open(join(parent, "state"), { dryRun: true });
    assert.deepEqual([...await state.sql`select count(*)::int as n from lmsmon.streams`], [{ n: 0 }]);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(parent)), []);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});

Deno.test("openState() refuses an embedded state of a newer lmsmon with exit code 3, also through its owner", () =>
  withStateDirectory(async (path) => {
    await using owner = await open(path);
    await owner
      .sql`insert into lmsmon.migrations (version, name, sha256, program_version) values (9999, '9999_later', '', '9.0.0')`;
    await assert.rejects(open(path), { exitCode: 3, message: /newer than this program.*9999_later by lmsmon 9\.0\.0/ });
    await owner.close();
    await assert.rejects(open(path), { exitCode: 3 });
  }));

Deno.test("openState() says so when the owner is stopped and does not answer", () =>
  withStateDirectory(async (path) => {
    await using owner = await startStateProcess(`pglite:${path}`);
    Deno.kill(owner.pid, "SIGSTOP");
    try {
      await assert.rejects(open(path, { connectTimeoutS: 1 }), (error: Error) => {
        assert.ok(error instanceof StateError);
        assert.match(error.message, /the process that has it open does not answer/);
        return true;
      });
    } finally {
      Deno.kill(owner.pid, "SIGCONT");
    }
    assert.equal(await owner.run("select 1 as one"), '[{"one":1}]');
  }));

Deno.test("openState() names the version when the directory is of another PostgreSQL", () =>
  withStateDirectory(async (path) => {
    await Deno.writeTextFile(join(path, "data", "PG_VERSION"), "17\n");
    await assert.rejects(open(path), (error: Error) => {
      assert.ok(error instanceof StateError);
      assert.match(error.message, /made by PostgreSQL 17, this lmsmon has 18/);
      return true;
    });
  }));

/** As a daemon does: what fails because the owner went away is asked again. */
async function retried<T>(query: () => PromiseLike<T>): Promise<T> {
  for (;;) {
    try {
      return await query();
    } catch (error) {
      if (!isConnectionLost(error)) throw error;
    }
  }
}
