import assert from "node:assert/strict";
import { type Clock, systemClock } from "../../lib/base/clock.ts";
import { logger, setUpLogging, tearDownLogging } from "../../lib/base/log.ts";
import { LockWatch } from "../../lib/state/lock_watch.ts";
import { lockWaits } from "../../sql/state/lock_waits.ts";
import { openState } from "../../lib/state/open_state.ts";
import { withPostgres } from "../support/databases.ts";
import { TcpProxy } from "../support/lms/tcp_proxy.ts";
import { serverUrl } from "../support/state/server_state.ts";
import { serverTest, withState } from "../support/state/with_state.ts";
import { through } from "../commands/lmsmon_place.ts";

const { hostname, port } = new URL(serverUrl);
const SERVER = { hostname, port: Number(port || 5432) };

/** The lines of the log, and whoever waits for one. */
class Lines {
  readonly all: { readonly level: string; readonly message: string }[] = [];
  #wake = () => {};

  readonly write = (line: string) => {
    this.all.push(JSON.parse(line));
    this.#wake();
  };

  async until(pattern: RegExp, times = 1): Promise<void> {
    while (this.all.filter(({ message }) => pattern.test(message)).length < times) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

serverTest(
  "a lock of a stranger's session in the state is said once, with whose it is, and so is its end",
  () =>
    withState("server", async (_, url) => {
      const lines = new Lines();
      setUpLogging({ level: "info", format: "json", write: lines.write });
      try {
        await using state = await openState({ url, password: null }, { lockLookMs: 20 });
        await withPostgres(`${url}?application_name=stranger`, async (other) => {
          const { waited, pid } = await other.begin(async (tx) => {
            await tx.unsafe("lock table lmsmon.facts in access exclusive mode");
            const [{ pid }] = await tx.unsafe("select pg_backend_pid() as pid") as unknown as [{ pid: number }];
            const waited = state.sql`select from lmsmon.facts`.execute();
            await lines.until(/has to wait in the state database/);
            for (let n = 0; n < 50; n++) await lockWaits(tx); // and is not said again
            return { waited, pid };
          });
          await waited;
          await lines.until(/any more/);
          assert.deepEqual(lines.all.map(({ level }) => level), ["warning", "info"]);
          assert.match(lines.all[0]?.message ?? "", new RegExp(`of session ${pid} \\(.*postgres\\)`));
        });
      } finally {
        await tearDownLogging();
      }
    }),
);

const LOOK_MS = 20, SILENCE_MS = 1_000;

serverTest(
  "a state that answers nothing is said once, and so is that it answers again",
  () =>
    withState("server", async (_, url) => {
      const lines = new Lines();
      setUpLogging({ level: "info", format: "json", write: lines.write });
      await using proxy = new TcpProxy(SERVER);
      await using state = await openState({ url: through(url, proxy.port), password: null });
      let betweenLooks = () => {};
      let isFrozen = false;
      const clock: Pick<Clock, "sleep"> = {
        sleep: async (ms, signal) => {
          if (ms === LOOK_MS) {
            betweenLooks();
            await systemClock.sleep(ms, signal);
          } else if (!isFrozen && signal?.aborted === false) {
            // A machine that stands still for longer than that is no silent server: it has passed only where nothing can come.
            await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
          }
        },
      };
      const watch = new LockWatch(state.sql, logger("state"), { lookMs: LOOK_MS, silenceMs: SILENCE_MS, clock });
      try {
        for (let n = 0; n < 2; n++) {
          await new Promise<void>((resolve) =>
            betweenLooks = () => {
              if (isFrozen) return;
              proxy.freeze();
              isFrozen = true;
              resolve();
            }
          );
          const waiting = state.sql`select 1`.execute();
          await lines.until(/has not answered for 1 s/, n + 1);
          [betweenLooks, isFrozen] = [() => {}, false];
          proxy.thaw();
          await waiting;
          await lines.until(/answers again/, n + 1);
        }
        assert.deepEqual(lines.all.map(({ level }) => level), ["warning", "info", "warning", "info"]);
      } finally {
        watch.end();
        await tearDownLogging();
      }
    }),
);
