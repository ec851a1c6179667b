import {
  endLease,
  extendLease,
  readLease,
  setLockTimeout,
  SHORTEST_LIFE_MS,
  takeLease,
} from "../../sql/state/leases.ts";
import { type EpochMicros, fromInstant } from "../model/time.ts";
import { errorCode } from "../base/database_errors.ts";
import type { StateDb } from "./state_db.ts";
import { freeFromStuck } from "./stuck_writers.ts";

/** The right to write events of a source, until somebody else took it over (fencing token). */
export interface Lease {
  readonly source: string;
  readonly holder: string;
  readonly token: string;
}

/** Who polls a source now, by the state database's clock. */
export interface TakenLease {
  readonly lease: null;
  readonly holder: string;
  readonly expiresAt: EpochMicros;
}

export type LeaseResult = { readonly lease: Lease } | TakenLease;

const LOCK_NOT_AVAILABLE = "55P03";
/** How long acquiring waits at most for a row that the holder's batch has locked. */
const LOCK_WAIT_MS = 3_000;

/**
 * Takes the lease when it is free or expired, by the state database's clock. `takeOverFrom` takes it from that holder at
 * once: only for a holder whose process is known to be gone. The token rises with every take-over. Ends the session of a holder that
 * has the row locked and was stopped in the middle of a statement for half of a lease's life: the lease must have expired as well.
 */
export async function acquireLease(
  db: Pick<StateDb, "sql">,
  source: string,
  holder: string,
  ttlMs: number,
  takeOverFrom: string | null = null,
): Promise<LeaseResult> {
  const lifeMs = Math.max(ttlMs, SHORTEST_LIFE_MS);
  const take = async () => {
    const token = await db.sql.begin(async (tx) => {
      await setLockTimeout(tx, Math.min(Math.ceil(lifeMs / 4), LOCK_WAIT_MS));
      return (await takeLease(tx, { source, holder, ttlMs, takeOverFrom }))[0]?.token ?? null;
    });
    return token === null ? null : { lease: { source, holder, token } };
  };
  try {
    const taken = await take().catch(async (error) => {
      if (errorCode(error) !== LOCK_NOT_AVAILABLE || !await freeFromStuck(db, lifeMs / 2)) throw error;
      return await take();
    });
    if (taken !== null) return taken;
  } catch (error) {
    if (errorCode(error) !== LOCK_NOT_AVAILABLE) throw error;
  }
  const [present] = await readLease(db.sql, source);
  if (!present) return acquireLease(db, source, holder, ttlMs, takeOverFrom);
  return { lease: null, holder: present.holder, expiresAt: fromInstant(present.expires_at) };
}

/** False when somebody else has taken the lease over. */
export async function renewLease(db: Pick<StateDb, "sql">, lease: Lease, ttlMs: number): Promise<boolean> {
  return (await extendLease(db.sql, lease, ttlMs)).length > 0;
}

/** Ends the lease at once, so that a standby takes over when it looks next. Harmless when it was lost. */
export async function releaseLease(db: Pick<StateDb, "sql">, lease: Lease): Promise<void> {
  await endLease(db.sql, lease);
}
