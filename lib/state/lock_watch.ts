import type { Logger } from "@logtape/logtape";
import { type LockWaitRow, lockWaits } from "../../sql/state/lock_waits.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import type { Sql } from "./state_db.ts";
import { MOST_CONNECTIONS } from "./state_pool.ts";

/** Long beside what lmsmon's own processes wait for each other: milliseconds to a few seconds. */
const LOOK_MS = 10_000;
/** Far longer than the question takes where anything answers it. */
const SILENCE_MS = 30_000;

export interface LockWatchTimes {
  readonly lookMs?: number | undefined;
  readonly silenceMs?: number;
  readonly clock?: Pick<Clock, "sleep">;
}

/**
 * Says who keeps lmsmon waiting in a state on a server, once, and when that is over: a transaction that somebody left open in psql
 * has no time limit, and everything would stand still without a word. A wait that is still there at the next look counts. Says as well
 * when the state answers nothing at all, as behind a paused pooler or over a network that has forgotten our connections: statements
 * have no time limit, and the system gives a connection up after a quarter of an hour.
 */
export class LockWatch {
  readonly #stop = new AbortController();
  #waits: ReadonlySet<string> = new Set();
  #said = "";
  #saidSilent = false;
  readonly #clock: Pick<Clock, "sleep">;

  constructor(private readonly sql: Sql, private readonly log: Logger, private readonly times: LockWatchTimes = {}) {
    this.#clock = times.clock ?? systemClock;
    void this.#watch();
  }

  end(): void {
    this.#stop.abort();
  }

  async #watch(): Promise<void> {
    for (;;) {
      await this.#clock.sleep(this.times.lookMs ?? LOOK_MS, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      const answered = new AbortController();
      const silence = this.#saySilent(answered.signal);
      try {
        const rows = await lockWaits(this.sql);
        this.#sayAnswered();
        this.#say(rows);
      } catch {
        // Whoever works with the state meets the same trouble, and reports it.
      } finally {
        answered.abort();
        await silence;
      }
    }
  }

  async #saySilent(answered: AbortSignal): Promise<void> {
    const ms = this.times.silenceMs ?? SILENCE_MS;
    const over = AbortSignal.any([answered, this.#stop.signal]);
    await this.#clock.sleep(ms, over);
    if (over.aborted || this.#saidSilent) return;
    this.#saidSilent = true;
    this.log.warning(
      "The state database has not answered for {seconds} s: look at its server, the network, and a pooler before it, which in session " +
        "mode needs {connections} connections for each process of lmsmon (docs/configuration.md)",
      { seconds: Math.ceil(ms / 1000), connections: MOST_CONNECTIONS },
    );
  }

  #sayAnswered(): void {
    if (this.#saidSilent && !this.#stop.signal.aborted) this.log.info("The state database answers again");
    this.#saidSilent = false;
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
