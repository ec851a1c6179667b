import assert from "node:assert/strict";
import { setUpLogging, tearDownLogging } from "../../lib/base/log.ts";
import { lockWaits } from "../../sql/state/lock_waits.ts";
import { openState } from "../../lib/state/open_state.ts";
import { withPostgres } from "../support/databases.ts";
import { serverTest, withState } from "../support/state/with_state.ts";

/** The lines of the log, and whoever waits for one. */
class Lines {
  readonly all: { readonly level: string; readonly message: string }[] = [];
  #wake = () => {};

  readonly write = (line: string) => {
    this.all.push(JSON.parse(line));
    this.#wake();
  };

  async until(pattern: RegExp): Promise<void> {
    while (!this.all.some(({ message }) => pattern.test(message))) {
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
