import { endLease, extendLease, readLease, setLockTimeout, takeLease } from "../../sql/state/leases.ts";
import { type EpochMicros, fromInstant } from "../model/time.ts";
import { errorCode } from "../base/database_errors.ts";

import type { StateDb } from "./state_db.ts";

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

/** How long acquiring waits for a row that the holder's batch has locked. */
const LOCK_WAIT_MS = 3_000;

/**
 * Takes the lease when it is free or expired, by the state database's clock. `takeOverFrom` takes it from that holder at
 * once: only for a holder whose process is known to be gone. The token rises with every take-over.
 */
export async function acquireLease(
  db: Pick<StateDb, "sql">,
  source: string,
  holder: string,
  ttlMs: number,
  takeOverFrom: string | null = null,
): Promise<LeaseResult> {
  try {
    const token = await db.sql.begin(async (tx) => {
      await setLockTimeout(tx, LOCK_WAIT_MS);
      return (await takeLease(tx, { source, holder, ttlMs, takeOverFrom }))[0]?.token ?? null;
    });
    if (token !== null) return { lease: { source, holder, token } };
  } catch (error) {
    if (errorCode(error) !== "55P03") throw error;
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
