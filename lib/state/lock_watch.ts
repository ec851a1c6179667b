import type { Logger } from "@logtape/logtape";
import { type LockWaitRow, lockWaits } from "../../sql/state/lock_waits.ts";
import { systemClock } from "../base/clock.ts";
import type { Sql } from "./state_db.ts";

/** Long beside what lmsmon's own processes wait for each other: milliseconds to a few seconds. */
const LOOK_MS = 10_000;

/**
 * Says who keeps lmsmon waiting in a state on a server, once, and when that is over: a transaction that somebody left open in psql
 * has no time limit, and everything would stand still without a word. A wait that is still there at the next look counts.
 */
export class LockWatch {
  readonly #stop = new AbortController();
  #waits: ReadonlySet<string> = new Set();
  #said = "";

  constructor(private readonly sql: Sql, private readonly log: Logger, private readonly lookMs = LOOK_MS) {
    void this.#watch();
  }

  end(): void {
    this.#stop.abort();
  }

  async #watch(): Promise<void> {
    for (;;) {
      await systemClock.sleep(this.lookMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      try {
        this.#say(await lockWaits(this.sql));
      } catch {
        // Whoever works with the state meets the same trouble, and reports it.
      }
    }
  }

  #say(rows: readonly LockWaitRow[]): void {
    const lasting = rows.filter(({ waiter }) => this.#waits.has(waiter));
    this.#waits = new Set(rows.map(({ waiter }) => waiter));
    const sessions = [...new Set(lasting.map(sessionOf))].join(", ");
    if (sessions === this.#said || this.#stop.signal.aborted) return;
    // One wait that follows another at once is not over: the next look tells.
    if (sessions === "" && rows.length > 0) return;
    this.#said = sessions;
    if (sessions === "") this.log.info("Nobody keeps lmsmon waiting in the state database any more");
    else {
      this.log.warning(
        "lmsmon has to wait in the state database for a lock of {sessions}: let it end, or end it (pg_terminate_backend)",
        { sessions },
      );
    }
  }
}

function sessionOf({ pid, application, role }: LockWaitRow): string {
  if (pid === 0) return "a prepared transaction (pg_prepared_xacts)";
  return `session ${pid} (${[application, role].filter((word) => word !== "").join(", ")})`;
}
