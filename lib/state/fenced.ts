import { lockLease } from "../../sql/state/leases.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { LeaseLostError } from "../base/errors.ts";
import { retryLostRaces } from "../base/retry.ts";
import type { Lease } from "./leases.ts";
import type { StateDb, Transaction } from "./state_db.ts";

/**
 * One transaction under the lease: first locks the lease row with this lease's own token, so that nobody takes over before
 * the commit. Throws LeaseLostError, having changed nothing, when somebody did already. A lost deadlock or a serialization failure is
 * tried again. When the connection is lost at the commit, its outcome is unknown: read again what is stored, and compare.
 */
export function fenced<T>(
  db: Pick<StateDb, "sql">,
  lease: Lease,
  work: (tx: Transaction) => Promise<T>,
  clock: Clock = systemClock,
): Promise<T> {
  return retryLostRaces(() =>
    db.sql.begin(async (tx) => {
      const [held] = await lockLease(tx, lease);
      if (!held) throw leaseLost(lease);
      return { value: await work(tx) };
    }), clock).then((result) => result.value);
}

export function leaseLost(lease: Lease): LeaseLostError {
  return new LeaseLostError(`Cannot write for source "${lease.source}": another process took the lease over`, {
    hint: "the other process goes on; nothing is lost",
  });
}
