import type { Clock } from "../base/clock.ts";
import { LeaseLostError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { StateDb } from "../state/state_db.ts";
import { describeHolder } from "./holder.ts";
import { LeaseKeeper } from "./lease_keeper.ts";
import { leaseTimes, takeLease } from "./take_lease.ts";

export interface LeadershipDeps {
  readonly db: StateDb;
  readonly source: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** This process, see Holder. */
  readonly holder: string;
  readonly intervalMs: number;
  readonly onRole: (leading: boolean) => void;
}

/** What a turn of the loop may do: poll under a lease, the first time or again, or look again later. */
export type Turn =
  | { readonly leads: true; readonly keeper: LeaseKeeper; readonly anew: boolean }
  | { readonly leads: false };

/** Of several processes one polls a source: takes the lease when it is free, keeps it, and gives it back. */
export class Leadership implements AsyncDisposable {
  readonly #deps: LeadershipDeps;
  readonly #ttlMs: number;
  /** How often a standby looks, milliseconds. */
  readonly lookMs: number;
  #keeper: LeaseKeeper | null = null;
  #standbyOf: string | null = null;
  /** The LMS waits for a person to confirm it: each turn takes the lease, looks at the LMS and gives it back, and logs none of it. */
  #refused = false;

  constructor(deps: LeadershipDeps) {
    this.#deps = deps;
    const { ttlMs, lookMs } = leaseTimes(deps.intervalMs);
    this.#ttlMs = ttlMs;
    this.lookMs = lookMs;
  }

  get isLeading(): boolean {
    return this.#keeper !== null;
  }

  get isRefused(): boolean {
    return this.#refused;
  }

  /** Throws LeaseLostError when another process took the lease over since the last turn. */
  async turn(): Promise<Turn> {
    if (this.#keeper?.signal.aborted) throw this.#keeper.signal.reason;
    if (this.#keeper !== null) return { leads: true, keeper: this.#keeper, anew: false };
    const { db, source, clock, log, holder, intervalMs, onRole } = this.#deps;
    const taken = await takeLease(db, source, holder, this.#ttlMs);
    if (taken.lease === null) {
      if (this.#standbyOf !== taken.holder && !this.#refused) {
        log.info("Standing by: {source} is polled by {holder}", { source, holder: describeHolder(taken.holder) });
      }
      this.#standbyOf = taken.holder;
      onRole(false);
      return { leads: false };
    }
    this.#standbyOf = null;
    const keeper = this.#keeper = new LeaseKeeper(db, taken.lease, this.#ttlMs, clock);
    onRole(true);
    if (!this.#refused) log.info("Polling {source}", { source, intervalMs });
    return { leads: true, keeper, anew: true };
  }

  /** The LMS is the one that the state knows. */
  accepted(): void {
    if (this.#refused) this.#standbyOf = null; // whose it is was not said meanwhile
    this.#refused = false;
  }

  /** A poll failed. Gives the lease up where it is lost, or where another process may be the one with the right address. */
  async failed(error: unknown, refused: boolean): Promise<void> {
    const lost = error instanceof LeaseLostError;
    if (lost) {
      const { source } = this.#deps;
      this.#deps.log.warning("Lost the lease on {source}: another process polls it now", { source });
    } else this.#refused = refused;
    if (!lost && !refused) return;
    await this[Symbol.asyncDispose]();
    this.#deps.onRole(false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const keeper = this.#keeper;
    this.#keeper = null;
    await keeper?.[Symbol.asyncDispose]();
  }
}
