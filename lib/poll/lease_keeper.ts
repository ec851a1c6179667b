import type { Clock } from "../base/clock.ts";
import { LeaseLostError } from "../base/errors.ts";
import type { Lease } from "../state/leases.ts";
import { releaseLease, renewLease } from "../state/leases.ts";
import { SENT_TIMEOUT_MS } from "../state/pooler.ts";
import type { StateDb } from "../state/state_db.ts";
import { freeFromStuck } from "../state/stuck_writers.ts";

/**
 * Holds a lease while work is under way: renews it three times per its life, and aborts `signal` when it was lost. Fencing in
 * the store is what protects the data; this only stops useless work early. Meanwhile frees the state from other processes that are
 * stopped in the middle of a statement, as the server frees it from those that are stopped between two.
 */
export class LeaseKeeper implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #lost = new AbortController();
  readonly #beating: Promise<unknown>;

  constructor(private readonly db: StateDb, readonly lease: Lease, private readonly ttlMs: number, clock: Clock) {
    this.#beating = Promise.all([this.#beat(clock), this.#free(clock)]);
  }

  /** Aborts with LeaseLostError when another process took the source over. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  async #beat(clock: Clock): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await clock.sleep(this.ttlMs / 3, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      try {
        if (await renewLease(this.db, this.lease, this.ttlMs)) continue;
        this.#lost.abort(
          new LeaseLostError(`Cannot go on polling "${this.lease.source}": another process took it over`),
        );
        return;
      } catch {
        // The state database is away: the poll itself runs into that and reports it; the token still protects the data.
      }
    }
  }

  /** Beside the heartbeat: the poll in hand, and with it the lease's row, may be what waits for a process that is stopped. */
  async #free(clock: Clock): Promise<void> {
    const { signal } = this.#stop;
    while (this.db.mode === "server" && !signal.aborted) {
      await clock.sleep(SENT_TIMEOUT_MS / 6, signal);
      if (!signal.aborted) await freeFromStuck(this.db, SENT_TIMEOUT_MS, clock, signal);
    }
  }

  /** Stops the heartbeat and gives the lease back, so that a standby takes over at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#beating;
    if (!this.#lost.signal.aborted) await releaseLease(this.db, this.lease).catch(() => {});
  }
}
