import assert from "node:assert/strict";
import type { Writable } from "node:stream";
import { systemClock } from "../../lib/base/clock.ts";
import { lockErasures, shareErasures } from "../../sql/state/erasures.ts";
import { lockEventOrder, readLease } from "../../sql/state/leases.ts";
import { acquireLease, releaseLease, renewLease } from "../../lib/state/leases.ts";
import { fenced } from "../../lib/state/fenced.ts";
import type { Transaction } from "../../lib/state/state_db.ts";
import { freeFromStuck } from "../../lib/state/stuck_writers.ts";
import { forEachState, serverTest, withState } from "../support/state/with_state.ts";

forEachState("acquireLease() gives the lease to one holder and says who has it", async (db) => {
  const first = await acquireLease(db, "testpress", "h:1:a", 60_000);
  assert.equal(first.lease?.token, "1");
  const second = await acquireLease(db, "testpress", "h:2:b", 60_000);
  assert.equal(second.lease, null);
  assert.equal(second.lease === null && second.holder, "h:1:a");
  assert.equal((await readLease(db.sql, "testpress"))[0]?.holder, "h:1:a");
  assert.ok((await acquireLease(db, "another", "h:2:b", 60_000)).lease);
});

forEachState("acquireLease() takes over an expired lease with a higher token", async (db) => {
  const { lease } = await acquireLease(db, "testpress", "h:1:a", 0);
  assert.equal((await readLease(db.sql, "testpress"))[0]?.expired, true);
  const { lease: next } = await acquireLease(db, "testpress", "h:2:b", 60_000);
  assert.equal(next?.token, "2");
  assert.ok(lease);
  assert.equal(await renewLease(db, lease, 60_000), false);
  await releaseLease(db, lease);
  assert.equal((await readLease(db.sql, "testpress"))[0]?.holder, "h:2:b", "a lost lease cannot end the new one");
});

forEachState("acquireLease() takes over from a holder that is gone", async (db) => {
  await acquireLease(db, "testpress", "h:1:a", 60_000);
  assert.equal((await acquireLease(db, "testpress", "h:2:b", 60_000, "h:9:x")).lease, null);
  assert.equal((await acquireLease(db, "testpress", "h:2:b", 60_000, "h:1:a")).lease?.token, "2");
});

forEachState("releaseLease() frees the source at once and the token goes on rising", async (db) => {
  const { lease } = await acquireLease(db, "testpress", "h:1:a", 60_000);
  assert.ok(lease);
  assert.equal(await renewLease(db, lease, 60_000), true);
  await releaseLease(db, lease);
  assert.equal((await acquireLease(db, "testpress", "h:2:b", 60_000)).lease?.token, "2");
});

forEachState("acquireLease() gives the lease to one of many that want it at once", async (db) => {
  const results = await Promise.all(
    Array.from({ length: 10 }, (_, i) => acquireLease(db, "testpress", `h:${i}:x`, 60_000)),
  );
  assert.equal(results.filter(({ lease }) => lease !== null).length, 1);
});

serverTest(
  "P1: a leader stopped inside a transaction keeps nobody from taking over beyond its lease",
  () =>
    withState("server", async (db) => {
      const { lease } = await acquireLease(db, "testpress", "h:1:a", 1_500);
      assert.ok(lease);
      const held = Promise.withResolvers<void>();
      const wake = Promise.withResolvers<void>();
      const outcome = assert.rejects(fenced(db, lease, () => {
        held.resolve();
        return wake.promise; // as a process that SIGSTOP met between two statements
      }));
      await held.promise; // or the others find the row free, and are refused at once, as often as they look
      let next = await acquireLease(db, "testpress", "h:2:b", 60_000);
      for (let looks = 0; next.lease === null && looks < 3; looks++) { // each waits for the row for three seconds
        next = await acquireLease(db, "testpress", "h:2:b", 60_000);
      }
      assert.equal(next.lease?.token, "2");
      wake.resolve();
      await outcome;
    }),
);

/** As a process that was stopped in the middle of a statement, until its session ends: the server waits for the rest. */
async function sayHalf(tx: Transaction, said: () => void): Promise<void> {
  const stream = await tx`copy lmsmon.facts from stdin`.writable();
  said();
  await new Promise((_, reject) => stream.once("error", reject));
}

serverTest(
  "P1: a leader stopped in the middle of a statement keeps nobody from taking over beyond its lease",
  () =>
    withState("server", async (db) => {
      const { lease } = await acquireLease(db, "testpress", "h:1:a", 1_500);
      assert.ok(lease);
      const half = Promise.withResolvers<void>();
      const outcome = assert.rejects(fenced(db, lease, (tx) => sayHalf(tx, half.resolve)));
      await half.promise;
      const from = performance.now();
      let next = await acquireLease(db, "testpress", "h:2:b", 1_500);
      while (next.lease === null && performance.now() - from < 10_000) {
        next = await acquireLease(db, "testpress", "h:2:b", 1_500);
      }
      assert.equal(next.lease?.token, "2");
      await outcome;
    }),
);

serverTest(
  "whoever is stopped in the middle of a statement holds up neither recording nor erasing",
  () =>
    withState("server", async (db) => {
      const stop = (lock: (tx: Transaction) => Promise<unknown>) => {
        const half = Promise.withResolvers<void>();
        const ended = db.sql.begin(async (tx) => {
          await lock(tx);
          await sayHalf(tx, half.resolve);
        }).then(() => "committed", () => "ended");
        return { ended, half: half.promise };
      };
      const other = stop((tx) => tx`select pg_advisory_xact_lock(1)`);
      await other.half;
      for (const lock of [lockEventOrder, lockErasures, shareErasures]) {
        const stopped = stop(lock);
        await stopped.half;
        assert.equal(await freeFromStuck(db, 60_000), false, "nobody waited for a minute");
        while (!await freeFromStuck(db, 1));
        await db.sql.begin(async (tx) => {
          await lockErasures(tx);
          await lockEventOrder(tx);
        });
        assert.equal(await stopped.ended, "ended");
      }
      assert.equal(await freeFromStuck(db, 0), false, "what holds none of these locks is nobody's business");
      await db.sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and query like 'copy lmsmon.facts%'`;
      assert.equal(await other.ended, "ended");
    }),
);

serverTest(
  "a COPY whose lines come slowly is not taken for one that was stopped",
  () =>
    withState("server", async (db) => {
      await db.sql`create table public.lines (line text)`;
      const begun = Promise.withResolvers<Writable>();
      const ended = db.sql.begin(async (tx) => {
        await lockEventOrder(tx);
        const stream: Writable = await tx`copy public.lines from stdin`.writable();
        begun.resolve(stream);
        await new Promise((_, reject) => stream.once("error", reject));
      }).then(() => "committed", () => "ended");
      const stream = await begun.promise;
      let goesOn = true;
      const writing = (async () => {
        while (goesOn) {
          await new Promise<unknown>((resolve) => stream.write("a line\n", resolve)).then(() => db.sql`select`);
        }
      })();
      const copied = async () =>
        (await db.sql<{ n: string }[]>`
          select bytes_processed as n from pg_stat_progress_copy where relid = 'public.lines'::regclass`)[0]?.n;
      let looked = 0;
      // Between two looks at least one line arrives, however long that takes on this machine.
      const untilNextLine = async () => {
        const before = await copied();
        while (await copied() === before);
        looked++;
      };
      const clock = { ...systemClock, sleep: untilNextLine };
      while (looked < 20) assert.equal(await freeFromStuck(db, 100, clock), false);
      goesOn = false;
      await writing;
      while (!await freeFromStuck(db, 100));
      assert.equal(await ended, "ended");
    }),
);

serverTest(
  "whoever is stopped in the middle of a statement keeps no poll waiting for a recipient",
  () =>
    withState("server", async (db) => {
      await db.sql`insert into lmsmon.recipients (source, recipient) values ('testpress', 'mentor:1')`;
      const lockRow = (tx: Transaction) =>
        tx`select from lmsmon.recipients where source = 'testpress' and recipient = 'mentor:1' for update`;
      const half = Promise.withResolvers<void>();
      const stopped = db.sql.begin(async (tx) => {
        await lockRow(tx);
        await sayHalf(tx, half.resolve);
      }).then(() => "committed", () => "ended");
      await half.promise;
      assert.equal(await freeFromStuck(db, 0), false, "nobody waits for the row");
      const poll = db.sql.begin(async (tx) => {
        await lockEventOrder(tx);
        await lockRow(tx);
      });
      let freed = false;
      for (let tries = 0; !freed && tries < 5_000; tries++) freed = await freeFromStuck(db, 1);
      assert.ok(freed);
      await poll;
      assert.equal(await stopped, "ended");
    }),
);
