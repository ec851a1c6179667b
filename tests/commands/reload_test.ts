import { strict as assert } from "node:assert";
import { getLogger } from "@logtape/logtape";
import { runReload } from "../../lib/app/reload.ts";
import { RELOAD_DONE, RELOAD_WANTED, type ReloadDone, ReloadWanted } from "../../lib/app/reload_requests.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { createOutput } from "../../lib/base/output.ts";
import { readFact, writeFact } from "../../sql/state/facts.ts";
import { withState } from "../support/state/with_state.ts";
import { startArmedStandIn } from "../support/stand_in/armed_stand_in.ts";
import { testConfig } from "../tell/outbox_fixture.ts";

Deno.test("two reloads at once: the watch answers the later one, and both hear of it", async () => {
  await withState("server", async (db, url) => {
    await using standIn = await startArmedStandIn({});
    const config = { ...testConfig(standIn), state: { url, password: null } };
    const source = config.source.name;
    // The time stands until the watch has answered, so that nobody gives up before.
    let now = 0, stands = true;
    const clock = {
      ...systemClock,
      monotonicMs: () => now,
      sleep: async (ms: number) => {
        if (!stands) now += ms;
        await systemClock.sleep(1);
      },
    };
    const reload = async () => {
      let text = "";
      const writeSync = (chunk: Uint8Array) => {
        text += new TextDecoder().decode(chunk);
        return chunk.length;
      };
      await runReload({
        config,
        stop: { soft: new AbortController().signal, hard: new AbortController().signal },
        clock,
        out: createOutput({ writeSync, write: (chunk) => Promise.resolve(writeSync(chunk)), isTerminal: () => false }),
        log: getLogger(["lmsmon", "test"]),
      }, { dryRun: false, json: false });
      return text;
    };
    /** The id that is wanted, once it is another one. */
    const wantedAfter = async (before: string | null) => {
      for (;;) {
        const { data } = ReloadWanted.safeParse((await readFact(db.sql, source, RELOAD_WANTED))[0]?.value);
        if (data !== undefined && data.id !== before) return data.id;
      }
    };
    const first = reload();
    const second = wantedAfter(null).then((id) => ({ id, said: reload() }));
    const { id: firstId, said } = await second;
    const id = await wantedAfter(firstId);
    const done: ReloadDone = {
      id,
      host: "lms-host",
      pid: 4711,
      ok: true,
      changed: ["poll.interval"],
      need_restart: [],
      error: null,
    };
    await writeFact(db.sql, source, `${RELOAD_DONE}${done.host}:${done.pid}`, JSON.stringify(done));
    stands = false;
    const line = "host lms-host, process 4711: poll.interval\n";
    assert.deepEqual(await Promise.all([first, said]), [line, line]);
  });
});
