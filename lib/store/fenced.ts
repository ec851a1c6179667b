import { lockLease } from "../../sql/state/leases.ts";
import { type Clock, systemClock } from "../ops/clock.ts";
import { LeaseLostError } from "../ops/errors.ts";
import type { Lease } from "./batch.ts";
import type { StateDb, Transaction } from "./state_db.ts";

const MAX_TRIES = 6;

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
  return retrying(() =>
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

/** Runs a transaction again that lost a deadlock (40P01) or could not be serialized (40001), with growing random pauses. */
export async function retrying<T>(run: () => Promise<T>, clock: Clock = systemClock): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await run();
    } catch (error) {
      const state = sqlState(error);
      if (attempt === MAX_TRIES || (state !== "40001" && state !== "40P01")) throw error;
      await clock.sleep(Math.random() * 20 * 2 ** attempt);
    }
  }
}

/** The SQLSTATE of a server's error, or the driver's code (`CONNECTION_CLOSED`); `null` for anything else. */
export function sqlState(error: unknown): string | null {
  if (typeof error !== "object" || error === null || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}
