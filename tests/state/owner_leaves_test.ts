import assert from "node:assert/strict";
import { type Clock, systemClock } from "../../lib/base/clock.ts";
import { StateError } from "../../lib/base/errors.ts";
import { openState } from "../../lib/state/open_state.ts";
import { stateError } from "../../lib/state/state_errors.ts";
import { withStateDirectory } from "../support/state/state_directory.ts";

const open = (path: string, clock: Clock = systemClock) =>
  openState({ url: `pglite:${path}`, password: null }, { clock });

Deno.test("an owner that ends lets the work of its clients come to its end: no command fails because another was first", () =>
  withStateDirectory(async (path) => {
    // Its patience with clients is a matter of seconds; how long their work takes here is one of the machine.
    const owner = await open(path, { ...systemClock, monotonicMs: () => 0 });
    await using client = await open(path);
    assert.deepEqual([owner.mode, client.mode], ["embedded", "via_owner"]);
    await client.sql`create table public.t (x int)`;
    let closing: Promise<void> | undefined;
    // As a poll does: statements one after the other, alone and in transactions.
    for (let n = 0; n < 60; n++) {
      await client.sql.begin(async (tx) => {
        await tx`insert into public.t values (${n})`;
        if (n === 5) closing = owner.close();
        await tx`select count(*) from public.t`;
      });
      await client.sql`select ${n}::int`;
    }
    await closing;
    // Closing a database keeps this thread, which is the client's, too, from hearing that its connections were closed.
    while (client.mode !== "embedded") await systemClock.sleep(10);
    assert.deepEqual([...await client.sql`select count(*)::int as n from public.t`], [{ n: 60 }]);
  }));

Deno.test("an owner that ends waits for no client that rests, and a lost owner is called that", () =>
  withStateDirectory(async (path) => {
    let sleptMs = 0;
    // It goes on by what is slept alone: a machine that is slow to close a database is none that waits.
    const clock: Clock = {
      ...systemClock,
      monotonicMs: () => sleptMs,
      sleep: (ms, signal) => systemClock.sleep(ms, signal).finally(() => sleptMs += ms),
    };
    const owner = await open(path, clock);
    await using resting = await open(path);
    assert.equal(resting.mode, "via_owner");
    sleptMs = 0;
    await owner.close();
    assert.ok(sleptMs < 3_000, "a client that asks nothing keeps nobody");
    const error = stateError(`pglite:${path}`, Object.assign(new Error("closed"), { code: "CONNECTION_CLOSED" }));
    assert.ok(error instanceof StateError);
    assert.match(error.message, /any more: the process that had it open ended$/);
    assert.equal(error.hint, "try again: whoever comes next opens it");
  }));
