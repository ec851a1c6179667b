import assert from "node:assert/strict";
import { logger } from "../../lib/base/log.ts";
import { Checkpoints } from "../../lib/state/checkpoints.ts";
import { PgliteEngine } from "../../lib/drivers/pglite/pglite_engine.ts";
import { PgliteSocket } from "../../lib/drivers/pglite/pglite_socket.ts";
import { embeddedPool } from "../../lib/state/state_pool.ts";
import { walSinceCheckpoint } from "../../sql/state/upkeep.ts";
import { withStateDirectory } from "../support/state/state_directory.ts";

Deno.test("Checkpoints keep what a crash leaves to replay small, while others use the database", () =>
  withStateDirectory(async (path) => {
    const engine = await PgliteEngine.open(`${path}/data`);
    const sql = embeddedPool(() => Promise.resolve(new PgliteSocket(engine)), { connections: 2 });
    try {
      await sql`create table public.t (x text)`;
      const write = () => sql`insert into public.t select repeat('x', 500) from generate_series(1, 2000)`;
      const toReplay = async () => (await walSinceCheckpoint(sql))[0]?.bytes ?? 0;
      const fill = async () => {
        while (await toReplay() < 5 << 20) await write();
      };
      await fill(); // nobody else writes one
      await using _checkpoints = new Checkpoints(engine, logger("state"), { mostBytes: 4 << 20, lookMs: 10 });
      // Ends only when a checkpoint was written in between.
      for (let least = Infinity; least > 1 << 20; least = Math.min(least, await toReplay())) await write();
      assert.deepEqual(engine.broken, null);
    } finally {
      await sql.end();
      await engine.close();
    }
  }));
